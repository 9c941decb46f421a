"""Boxes that are known before `pose` begins: from records on stdin, or from COCO labels or detections."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.formats.coco import boxes_of, listed_pictures, read_coco_boxes
from rtmcli.inference.pipeline import Item
from rtmcli.media import Picture, open_media
from rtmcli.media.frame_lookup import find_pictures
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import read_frames
from rtmcli.zoo.card import Card


def recorded_items(media: str | None, card: Card) -> Iterator[Item]:
    """Records from stdin with their pixels; their boxes stay, what they say of model and skeleton is ours now."""
    with closing(find_pictures(read_frames("-"), media)) as pairs:  # type: ignore[type-var]
        for frame, picture in pairs:
            yield Item(picture.image, replace(frame, model=card.name, skeleton=card.skeleton))


def given_items(boxes: str, source: str, card: Card, *, score: float | None = None) -> Iterator[Item]:
    """Pictures with the boxes that a COCO file gives them.

    Args:
        boxes: a label file: its pictures in its order, with the boxes of all people whose keypoints are labelled; or a
            detection file: the pictures of `source`, with the people found in them, also where there is none.
        source: the folder of the pictures; for detections any source of pictures.
        score: leave out boxes scored at or below.
    """
    known = read_coco_boxes(boxes)
    matched = False
    for picture in _pictures_of(boxes, source):
        people = boxes_of(known, picture.file or picture.source)
        matched = matched or people is not None
        kept = [replace(p) for p in people or [] if score is None or (p.score or 0) > score]
        frame = Frame.from_picture(picture, kept, skeleton=card.skeleton, model=card.name)
        yield Item(picture.image, frame)
    if not matched:
        raise DataError(
            f"{boxes} has boxes for none of the pictures of {source}; names or numbers must agree"
        )


def _pictures_of(boxes: str, source: str) -> Iterator[Picture]:
    """The pictures a label file lists; of a detection file, which lists none, those of the source."""
    listed = listed_pictures(boxes)
    for path in [source] if listed is None else [str(Path(source) / name) for name in listed]:
        with closing(iter(open_media(path))) as pictures:  # type: ignore[type-var]
            yield from pictures
