"""PoseTrack18 and PoseTrack21 files <-> records: poses with ids, one JSON file for each sequence.

A file is COCO's label form with `vid_id` and `nframes` on images, and `track_id` and `scores` (of the keypoints) on
annotations (Andriluka et al., CVPR 2018; Döring et al., CVPR 2022; `doc/dataset_structure.md` of PoseTrack21). The
first image of a sequence is 000000.jpg. Image ids are TSSSSSSFFFF: type and number of the sequence, number of the
frame.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import orjson

from rtmcli.errors import DataError
from rtmcli.files import check_output, make_folder, write_atomically
from rtmcli.formats.coco_reader import frames_of_labels
from rtmcli.formats.labels import labels_of, read_json
from rtmcli.geometry.boxes import to_xywh
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton, map_keypoints
from rtmcli.skeletons.of_frame import skeleton_of

SKELETON = "posetrack17"
# Names of PoseTrack's sequences: 000342_mpii_test; what T is for each type (`posetrack18_id2fname.py` of poseval).
_SEQUENCE = re.compile(r"(\d{5,6})_(mpii|bonn|mpiinew)(?:_.*)?")
_TYPES = {"mpii": 1, "bonn": 2, "mpiinew": 3}
# FFFF has four digits.
_MOST = 10_000
_WHOLE_NUMBER = re.compile(r"\d+")


def read_posetrack(path: str | Path, *, skeleton: str | None = None) -> Iterator[Frame]:
    """The labelled frames of a file, or of the files of a folder.

    A source is a sequence, called after its folder of images. Frames count from 0, as the names of the images do;
    `file` is the image. Frames without labels (`is_labeled` false) are left out: nobody knows who is in them.

    Args:
        skeleton: of the keypoints, whatever names the file gives them.

    Raises DataError where a file is not PoseTrack's, or its keypoints are those of no known skeleton.

    Example:
        from rtmcli import read_frames, read_posetrack, write_posetrack

        write_posetrack(read_frames("tracked.jsonl"), "walk.json")
        for frame in read_posetrack("walk.json"):
            print(frame.source, frame.frame, [person.id for person in frame.instances])
    """
    for file in _files(Path(path)):
        data = read_json(file)
        if not isinstance(data, dict):
            raise DataError(f"{file}: not a PoseTrack file: it must be an object with images and annotations")
        labels = labels_of(data, file, recognise=skeleton is None)
        labels["images"] = [_with_sequence(image, file) for image in labels["images"]]
        for entry in labels["annotations"]:
            if entry.get("scores"):
                entry["keypoint_scores"] = entry["scores"]
        names = sorted({image["video_id"] for image in labels["images"]})
        labels["videos"] = [{"id": name, "name": name} for name in names]
        unlabelled = {image["id"] for image in labels["images"] if image.get("is_labeled") is False}
        unlabelled -= {entry["image_id"] for entry in labels["annotations"]}
        frames = frames_of_labels(labels, file, skeleton)
        for image, frame in zip(labels["images"], frames, strict=True):
            if image["id"] in unlabelled:
                continue
            frame.frames = image.get("nframes")
            frame.extra["file"] = str(image["file_name"])
            yield frame


def write_posetrack(
    frames: Iterable[Frame],
    path: str | Path,
    *,
    skeleton: str | None = None,
    note: Callable[[str], None] | None = None,
) -> int:
    """Write `<sequence>.json` for each source to a folder, or one source to a .json file. Returns the frames read.

    People without an id or keypoints are left out.

    Args:
        skeleton: of the keypoints that are written; by default PoseTrack's.
        note: called with those of them that the records have not: they are 0, and PoseTrack's metrics count them as
            missed.

    Raises:
        DataError: two sources for one file, or a frame whose number has more than four digits.
        UsageError: the keypoints cannot become PoseTrack's.
        RtmError: the file or the folder cannot be written.

    Example:
        from rtmcli import read_frames, write_posetrack

        write_posetrack(read_frames("tracked.jsonl"), "walk.json", note=print)
    """
    target, path = skeleton or SKELETON, Path(path)
    is_folder = check_output(path, ".json")
    sequences: dict[str, _Sequence] = {}
    count = 0
    for frame in frames:
        count += 1
        sequence = sequences.setdefault(frame.source, _Sequence(_name(frame), len(sequences) + 1))
        sequence.add(frame, target)
    lost = sorted({name for one in sequences.values() for name in one.absent})
    if lost and note is not None:
        note(
            f"the records have no {' and '.join(lost)}, which are written as 0: "
            "PoseTrack's metrics count them as missed"
        )
    for file, one in _targets(list(sequences.values()), path, is_folder):
        write_atomically(file, one.content(target))
    return count


@dataclass(slots=True)
class _Sequence:
    """What is written of a source."""

    name: str
    number: int
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    frames: int = 0
    absent: set[str] = field(default_factory=set)
    _mapped: set[str] = field(default_factory=set)

    def add(self, frame: Frame, target: str) -> None:
        match = _SEQUENCE.fullmatch(self.name)
        kind, number = (_TYPES[match[2]], int(match[1])) if match else (1, self.number)
        file = str(frame.extra.get("file", f"images/{self.name}/{frame.frame:06d}.jpg"))
        place = _frame_number(file) if match else None
        place = frame.frame if place is None else place
        if place >= _MOST:
            raise DataError(
                f"{frame.source}, frame {place}: PoseTrack numbers frames with four digits; convert parts of it"
            )
        image_id = (kind * 1_000_000 + number) * _MOST + place
        self.frames = max(self.frames, frame.frames or 0, place + 1)
        image = {"id": image_id, "frame_id": image_id, "vid_id": f"{number:06d}", "file_name": file}
        image |= {"is_labeled": True, "ignore_regions_x": [], "ignore_regions_y": []}
        if frame.width is not None and frame.height is not None:
            image |= {"width": frame.width, "height": frame.height}
        self.images.append(image)
        people = [one for one in frame.instances if one.id is not None and one.keypoints is not None]
        if frame.skeleton is not None:
            for one in people:
                skeleton_of(frame, one.keypoints)
        for number_of_person, one in enumerate(people):
            self.annotations.append(self._annotation(one, frame.skeleton, target, image_id, number_of_person))

    def _annotation(
        self, one: Instance, skeleton: str | None, target: str, image_id: int, place: int
    ) -> dict[str, Any]:
        points = one.keypoints
        assert points is not None
        if skeleton is not None and load_skeleton(skeleton).name != load_skeleton(target).name:
            points = map_keypoints(points, skeleton, target)
            if skeleton not in self._mapped:
                self._mapped.add(skeleton)
                whole = map_keypoints(
                    np.zeros((len(load_skeleton(skeleton)), 3), np.float32), skeleton, target
                )
                names = load_skeleton(target).keypoints
                self.absent |= {names[k] for k in np.flatnonzero(np.isnan(whole).all(axis=1))}
        there = np.asarray(~np.isnan(points[:, :2]).any(axis=1))  # (K,)
        rows = np.where(there[:, None], points, np.float32(0)).astype(np.float32)
        entry: dict[str, Any] = {
            "id": image_id * 100 + place, "image_id": image_id, "track_id": one.id, "category_id": 1,
            "keypoints": [value for (x, y, _), seen in zip(rows, there, strict=True) for value in (x, y, int(seen))],
            "scores": list(rows[:, 2]),
        }  # fmt: skip
        if one.box is not None:
            entry["bbox"] = to_xywh(one.box)
        if one.score is not None:
            entry["score"] = one.score
        return entry

    def content(self, target: str) -> bytes:
        own = load_skeleton(target)
        category = {
            "id": 1, "name": "person", "supercategory": "person", "keypoints": list(own.keypoints),
            "skeleton": [[a + 1, b + 1] for a, b in own.links],
        }  # fmt: skip
        images = [{**image, "nframes": self.frames} for image in self.images]
        data = {"categories": [category], "images": images, "annotations": self.annotations}
        return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.json"))
    if not found:
        raise DataError(f"{path}: no .json files here; PoseTrack has one for each sequence")
    return found


def _with_sequence(image: dict[str, Any], path: Path) -> dict[str, Any]:
    """An image with the keys of CocoVID that `frames_of_labels` reads: `video_id`, and `frame_id` from 0."""
    name = str(image.get("file_name", ""))
    parts = PurePath(name.replace("\\", "/"))
    number = _frame_number(name)
    if "vid_id" not in image or number is None or not parts.parent.name:
        raise DataError(
            f"{path}: image {image['id']!r} is not one of PoseTrack's: it needs 'vid_id' and a 'file_name' like "
            f"images/val/000342_mpii_test/000000.jpg; got {name!r}"
        )
    frames = image.get("nframes")
    return {
        **image, "video_id": parts.parent.name, "frame_id": number,
        "nframes": frames if isinstance(frames, int) and frames > number else None,
    }  # fmt: skip


def _frame_number(file: str) -> int | None:
    """The number at the start of the name of an image, which is that of its frame."""
    match = _WHOLE_NUMBER.match(PurePath(file.replace("\\", "/")).stem)
    return int(match[0]) if match else None


def _name(frame: Frame) -> str:
    """The sequence's name: that of the folder of its images, or of the source."""
    file = frame.extra.get("file")
    folder = PurePath(str(file)).parent.name if file else ""
    return folder or PurePath(frame.source).stem or "sequence"


def _targets(sequences: Sequence[_Sequence], path: Path, is_folder: bool) -> Iterator[tuple[Path, _Sequence]]:
    """The file of each sequence. Raises DataError where two would be one."""
    if not is_folder:
        if len(sequences) > 1:
            raise DataError(
                f"a PoseTrack file holds one sequence, and these records hold {len(sequences)}: name a folder"
            )
        yield from ((path, one) for one in sequences)
        return
    names = [one.name for one in sequences]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"two sources would both be {twice}.json; convert them to two folders")
    make_folder(path)
    yield from ((path / f"{one.name}.json", one) for one in sequences)
