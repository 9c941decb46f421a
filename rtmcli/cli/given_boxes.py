"""Boxes that are known before `pose` begins: from records on stdin, or from COCO labels or detections."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rtmcli.cli.command import Given
from rtmcli.errors import DataError
from rtmcli.formats.coco_boxes import GivenBoxes, read_coco_boxes
from rtmcli.formats.image_matching import match_files
from rtmcli.formats.image_names import listing, path_parts
from rtmcli.inference.pipeline import Item
from rtmcli.media import Picture, open_media
from rtmcli.media.frame_lookup import find_pictures
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import read_frames
from rtmcli.terminal.messages import say
from rtmcli.zoo.card import Card


def recorded_items(
    media: str | None, card: Card, *, stream: int | None = None, insecure: bool = False
) -> Iterator[Item]:
    """Records from stdin with their pixels; boxes stay, and model and skeleton become those of the pose model.

    `media`, `stream` and `insecure` are as for `find_pictures`.
    """
    with closing(find_pictures(read_frames("-"), media, stream=stream, insecure=insecure)) as pairs:
        for frame, picture in pairs:
            yield Item(picture.image, replace(frame, model=card.name, skeleton=card.skeleton))


def given_items(
    boxes: str,
    source: str,
    card: Card,
    *,
    score: float | None = None,
    insecure: bool = False,
    given: Given | None = None,
) -> Iterator[Item]:
    """Images with the boxes that a COCO file gives them.

    Args:
        boxes: a label file: its images in its order, with the boxes of all people whose keypoints are labelled; or a
            detection file: the images of `source`, with the people found in them, also where there is none.
        source: the folder of the images, or any source of images.
        score: leave out boxes scored at or below.
        insecure: accept any certificate of a server, where `source` is an address.
        given: the command line, whose --score is an error where every box scores 1.

    Raises DataError where most images that the labels list are not in the folder, or no image has boxes.
    """
    known = read_coco_boxes(boxes)
    _say(known.notes)
    if given is not None and all(one.score == 1 for people in known.people.values() for one in people):
        given.reject(("score",), f"on the boxes of {boxes}, all of which score 1")
    in_folder = known.listed and Path(source).is_dir()
    count, unknown = 0, []
    for picture, image_id in (
        _listed_images(known, source) if in_folder else _images_of(known, source, insecure)
    ):
        count += 1
        if image_id is None:
            unknown.append(picture.file or picture.source)
        people = known.people.get(image_id, [])
        kept = [replace(one) for one in people if score is None or (one.score or 0) > score]
        frame = Frame.from_picture(picture, kept, skeleton=card.skeleton, model=card.name)
        yield Item(picture.image, frame)
    if len(unknown) == count:
        raise DataError(f"{boxes} has boxes for none of the images of {source}; file names or ids must agree")
    if unknown:
        _say([f"{len(unknown)} of {count} images have no boxes in {boxes}: {listing(unknown)}"])
    _say(known.matcher.notes())


def _images_of(known: GivenBoxes, source: str, insecure: bool) -> Iterator[tuple[Picture, object]]:
    """The images of a source, each with its id in the file (None: not there)."""
    with closing(iter(open_media(source, insecure=insecure))) as pictures:
        for picture in pictures:
            image = known.matcher.find(Frame.from_picture(picture))
            yield picture, None if image is None else image["id"]


def _listed_images(known: GivenBoxes, source: str) -> Iterator[tuple[Picture, object]]:
    """The images that a label file lists and the folder has, in the file's order, each with its id."""
    folder = Path(source)
    named = [image for image in known.images if "file_name" in image]
    paths = ["/".join(path_parts(image["file_name"])) for image in named]
    if not all((folder / path).is_file() for path in paths):
        paths = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    files, notes = match_files(known.images, paths, labels=known.name)
    missing = [str(image.get("file_name", image["id"])) for image in known.images if image["id"] not in files]
    if 2 * len(missing) > len(known.images) or not files:
        raise DataError(
            f"{len(missing)} of the {len(known.images)} images of {known.name} are not in {source}: "
            f"{listing(missing)}; name the folder that the file's names start from"
        )
    if missing:
        notes.append(
            f"{len(missing)} of {len(known.images)} images of {known.name} are not in {source}: {listing(missing)}"
        )
    _say(notes)
    for image in known.images:
        if image["id"] not in files:
            continue
        with closing(iter(open_media(str(folder / files[image["id"]])))) as pictures:
            for picture in pictures:
                yield picture, image["id"]


def _say(notes: list[str]) -> None:
    for note in notes:
        say(note, program="rtm pose")
