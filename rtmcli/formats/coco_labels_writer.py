"""Records to a COCO data set: images, annotations and categories with the names and links of their keypoints.

Frames of videos are images too, in the keys of CocoVID (`videos`, `video_id`, `frame_id`). `coco_reader` reads it back.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from shlex import quote
from typing import Any, BinaryIO

import numpy as np
import orjson

from rtmcli.errors import DataError
from rtmcli.geometry.boxes import to_xywh
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink
from rtmcli.skeletons import load_skeleton
from rtmcli.skeletons.of_frame import skeleton_of

# COCO's visibility of a keypoint that is labelled and visible; 0 is one that does not exist.
_VISIBLE = 2


def write_coco_labels(
    frames: Iterable[Frame], sink: str | BinaryIO, *, note: Callable[[str], None] | None = None
) -> int:
    """Write records as a COCO label file, an annotation as its frame comes. Returns the number of annotations.

    Images are numbered from 1, of any source. `area` is that of the box, of the keypoints' extent where there is none.
    A keypoint that does not exist is 0, 0, 0; all others are visible (2), and their scores are in `keypoint_scores`.
    There is a category for each class and skeleton.

    Args:
        note: called with what must be known about the images.

    Raises DataError for keypoints without a skeleton, and where two frames would be one image.

    Example:
        from rtmcli import read_frames, write_coco_labels

        write_coco_labels(read_frames("walk.jsonl"), "labels.json")
    """
    held = _Dataset()
    count = 0
    with Sink(sink) as out:
        out.write(b'{"info":{"description":"written by rtm convert"},"licenses":[],\n"annotations":[')
        for frame in frames:
            image_id = held.add_image(frame)
            for one in frame.instances:
                count += 1
                entry = _annotation(one, count, image_id, held.category_id(one, frame))
                line = orjson.dumps(entry, option=orjson.OPT_SERIALIZE_NUMPY)
                out.write((b",\n" if count > 1 else b"\n") + line)
        out.write(b"\n],\n")
        if held.videos:
            out.write(b'"videos":' + _lines(list(held.videos.values())) + b",\n")
        out.write(b'"images":' + _lines(held.images) + b",\n")
        out.write(b'"categories":' + _lines(held.categories()) + b"}\n")
    if note is not None and any("width" not in image for image in held.images):
        note("some records have no width and height, which CVAT and Label Studio need")
    if note is not None and held.videos:
        source = next(iter(held.videos))
        note(
            f"frames of videos are images called {frame_file(source, 0)} and so on; to write them: "
            f"ffmpeg -i {quote(source)} -fps_mode passthrough -start_number 0 {quote(frame_file(source, '%06d'))}"
        )
    return count


def frame_file(source: str, number: int | str) -> str:
    """The name of the image that a frame of a video is in a data set; a pattern for ffmpeg with a number of "%06d"."""
    stem = PurePath(source).with_suffix("") if PurePath(source).name else source
    return f"{stem}_{number if isinstance(number, str) else f'{number:06d}'}.jpg"


def class_name(category: Mapping[str, Any]) -> str:
    """The class of a category: its name, without the skeleton that `write_coco_labels` adds to tell two apart."""
    name, group = str(category.get("name", "person")), category.get("supercategory")
    return str(group) if group and name.startswith(f"{group} (") else name


@dataclass(slots=True)
class _Dataset:
    """The images, videos and categories so far."""

    images: list[dict[str, Any]] = field(default_factory=list)
    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)
    _categories: dict[tuple[str, str | None], int] = field(default_factory=dict)

    def add_image(self, frame: Frame) -> int:
        of_video = frame.time is not None or frame.frame > 0 or (frame.frames or 0) > 1
        name = str(
            frame.extra.get("file", frame_file(frame.source, frame.frame) if of_video else frame.source)
        )
        if name in self._owners:
            raise DataError(
                f"frame {frame.frame} of {frame.source} and an earlier one of {self._owners[name]} are both the "
                f"image {name}; convert each run and source alone"
            )
        self._owners[name] = frame.source
        image = {"id": len(self.images) + 1, "file_name": name, "width": frame.width, "height": frame.height}
        if of_video:
            video = {"id": len(self.videos) + 1, "name": frame.source, "frames": frame.frames}
            own = self.videos.setdefault(frame.source, _without_none(video))
            image |= {"video_id": own["id"], "frame_id": frame.frame, "time": frame.time}
        self.images.append(_without_none(image))
        return len(self.images)

    def category_id(self, one: Instance, frame: Frame) -> int:
        if one.keypoints is not None:
            skeleton_of(frame, one.keypoints)
        key = (one.label or "person", frame.skeleton)
        return self._categories.setdefault(key, len(self._categories) + 1)

    def categories(self) -> list[dict[str, Any]]:
        labels = [label for label, _ in self._categories]
        return [
            _category(label, skeleton, number, labels)
            for (label, skeleton), number in self._categories.items()
        ]


def _category(label: str, skeleton: str | None, number: int, labels: list[str]) -> dict[str, Any]:
    # Tools find categories by name: classes with two skeletons need two.
    name = f"{label} ({skeleton})" if labels.count(label) > 1 else label
    category: dict[str, Any] = {"id": number, "name": name, "supercategory": label}
    if skeleton is not None:
        own = load_skeleton(skeleton)
        # COCO counts the keypoints of a link from 1.
        links = [[a + 1, b + 1] for a, b in own.links]
        category |= {"keypoints": list(own.keypoints), "skeleton": links}
    return category


def _annotation(one: Instance, number: int, image_id: int, category_id: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": number, "image_id": image_id, "category_id": category_id, "iscrowd": 0}
    box = one.box
    if one.keypoints is not None:
        known = np.asarray(~np.isnan(one.keypoints[:, :2]).any(axis=1))  # (K,)
        places = one.keypoints[:, :2][known]  # (found, 2)
        if box is None and len(places):
            box = np.concatenate([places.min(axis=0), places.max(axis=0)])
        points = np.zeros((len(known), 3), np.float32)
        points[known, :2] = places
        points[known, 2] = _VISIBLE
        entry["keypoints"] = [value for x, y, v in points for value in (x, y, int(v))]
        entry["num_keypoints"] = int(known.sum())
        entry["keypoint_scores"] = np.nan_to_num(one.keypoints[:, 2])
    if box is not None:
        corner_size = to_xywh(box)
        entry |= {"bbox": corner_size, "area": float(corner_size[2]) * float(corner_size[3])}
    # CVAT's importer (datumaro) drops annotations without `segmentation`, and takes ids from `attributes`.
    entry |= {"segmentation": [], "score": one.score, "track_id": one.id}
    entry["attributes"] = _without_none({"track_id": one.id})
    return _without_none(entry)


def _without_none(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value is not None}


def _lines(entries: list[dict[str, Any]]) -> bytes:
    return b"[" + b",".join(b"\n" + orjson.dumps(entry) for entry in entries) + b"\n]"
