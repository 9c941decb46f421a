"""Options of `detect` and `pose` that have no effect with these sources, boxes or models are errors."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rtmcli.cli.command import Given
from rtmcli.cli.options import EngineOptions
from rtmcli.media import source_names
from rtmcli.media.list_file import is_list
from rtmcli.zoo.card import Card

if TYPE_CHECKING:
    from rtmcli.media import Media

_DETECTOR = ("detector", "det_size", "family", "det_classes", "tiles", "nms", "det_every", "pose_nms")
_SOURCE = ("every", "start", "end", "max_frames", "on_error", "fps", "live", "reconnect", "stall")


def check_sources(sources: Sequence[str], given: Given) -> None:
    """Raise UsageError for an option that changes nothing with these sources."""
    given.reject(("media",), "where a SOURCE is named: it says where the images of records on stdin are")
    if any(_is_live(source) for source in sources):
        given.reject(
            ("jobs", "batch_frames"),
            "with a camera or live stream, whose newest frame is worked on alone",
        )
    if all(source_names.camera_number(source) is not None for source in sources):
        given.reject(
            ("on_error", "stream"), "with a camera, which has one stream and no damaged frames to skip"
        )
    if all(_is_image_file(source) for source in sources):
        given.reject(
            ("every", "max_frames", "det_every", "stream"),
            "with image files, each of which is a source of one frame",
            "name their folder or a quoted glob, or leave it out",
        )


def check_live(media: "Sequence[Media]", given: Given) -> None:
    """Raise UsageError for an option of live sources where none is live."""
    if not any(one.live for one in media):
        given.reject(("reconnect",), "where no source is live: all have an end")


def check_engine(engine: EngineOptions, given: Given) -> None:
    """Raise UsageError for an option that changes nothing with this engine."""
    if engine.engine == "tensorrt":
        given.reject(("threads",), "with --engine tensorrt, which runs networks on the GPU")


def check_given_boxes(given: Given) -> None:
    """Raise UsageError for an option that changes nothing where `pose` takes its boxes from a file or from records."""
    given.reject(_DETECTOR, "where the boxes are given by --boxes or by records on stdin")
    given.reject(_SOURCE, "where --boxes or records on stdin say which frames to read")
    if "boxes" in given.flags:
        given.reject(("media", "stream"), "with --boxes, whose images are in the folder SOURCE")
    else:
        given.reject(
            ("score",),
            "on records from stdin, all of whose boxes are kept",
            "give it to 'rtm detect' instead",
        )


def check_onestage(given: Given, card: Card) -> None:
    """Raise UsageError for an option of a detector or of a top-down model where a one-stage model runs."""
    given.reject(
        ("detector", "det_size", "family", "det_classes", "tiles", "flip_test", "det_every", "pose_nms"),
        f"with the one-stage model {card.name}, which finds people and poses in one run",
    )


def _is_live(source: str) -> bool:
    return source_names.camera_number(source) is not None or source_names.is_live(source)


def _is_image_file(source: str) -> bool:
    return os.path.isfile(source) and not is_list(Path(source)) and source_names.is_image(source)
