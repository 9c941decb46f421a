"""Boxes that are known before `pose` begins: from records on stdin, or from COCO labels."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.errors import DataError
from rtmcli.frames import Frame, Instance
from rtmcli.geometry.boxes import clip, from_xywh
from rtmcli.media import open_media
from rtmcli.media.rejoin import rejoin
from rtmcli.ndjson import read_frames
from rtmcli.pipeline import Item
from rtmcli.zoo.card import Card


def recorded_items(media: str | None, card: Card) -> Iterator[Item]:
    """Records from stdin with their pixels; their boxes stay, what they say of model and skeleton is ours now."""
    with closing(rejoin(read_frames("-"), media)) as pairs:  # type: ignore[type-var]
        for frame, picture in pairs:
            yield Item(picture.image, replace(frame, model=card.name, skeleton=card.skeleton))


def labelled_items(labels: str, folder: str | None, card: Card) -> Iterator[Item]:
    """The pictures of a COCO label file with the boxes of all people whose keypoints are labelled.

    Crowd regions and boxes without area are left out; boxes are clipped to the picture, as the reference does.
    """
    data = _read(labels)
    by_picture: dict[int, list[dict[str, Any]]] = {}
    for annotation in data["annotations"]:
        if (
            not annotation.get("iscrowd")
            and annotation.get("num_keypoints", 1)
            and min(annotation["bbox"][2:]) > 0
        ):
            by_picture.setdefault(annotation["image_id"], []).append(annotation)
    for record in data["images"]:
        path = Path(folder or "") / record["file_name"]
        with closing(iter(open_media(path))) as pictures:  # type: ignore[type-var]
            picture = next(pictures)
        size = (picture.width, picture.height)
        people = [
            Instance(label="person", box=clip(from_xywh(np.array(a["bbox"], np.float32)), size), score=1.0)
            for a in by_picture.get(record["id"], [])
        ]
        frame = Frame(
            source=str(path), frame=0, frames=1, width=picture.width, height=picture.height,
            skeleton=card.skeleton, model=card.name, instances=people,
        )  # fmt: skip
        yield Item(picture.image, frame)


def _read(labels: str) -> dict[str, Any]:
    try:
        data = json.loads(Path(labels).read_bytes())
        data["images"], data["annotations"]
    except OSError as error:
        raise DataError(f"cannot read {labels}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{labels} holds no COCO labels (images, annotations)") from None
    return dict(data)
