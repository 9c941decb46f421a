"""Records to tasks of Label Studio with predictions, and the labelling configuration that shows them.

A task is an image; its regions are a rectangle per person and a point per keypoint within it, in percent of the image.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np
import orjson

from rtmcli.errors import DataError
from rtmcli.files import make_folder, write_atomically
from rtmcli.formats.coco_labels_writer import frame_file
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink
from rtmcli.skeletons.of_frame import skeleton_of

# Names of the tags of the labelling configuration.
_IMAGE, _BOX, _POINT = "image", "box", "keypoint"
# The size of a point in percent of the image's width.
_POINT_SIZE = 0.5


def write_label_studio(
    frames: Iterable[Frame], sink: str | BinaryIO, *, note: Callable[[str], None] | None = None
) -> int:
    """Write records as tasks to import, one per image. Returns their number.

    Frames of videos are images called as in `write_coco_labels`. Scores are clipped to 0..1.

    Args:
        sink: a file NAME.json, beside which NAME.label_config.xml gets the labelling configuration, or a folder to
            write tasks.json and label_config.xml to.
        note: called with what must be known about the files.

    Raises DataError for records without a size, and for keypoints without a skeleton.

    Example:
        from rtmcli import read_frames, write_label_studio

        write_label_studio(read_frames("walk.jsonl"), "tasks.json")
    """
    config: Path | None = None
    if isinstance(sink, str) and sink != "-":
        path = Path(sink)
        config = path.with_suffix(".label_config.xml")
        if path.suffix.lower() != ".json":
            config = path / "label_config.xml"
            sink = str(path / "tasks.json")
            make_folder(path)
    count = 0
    classes: dict[str, None] = {}
    names: dict[str, None] = {}
    with Sink(sink) as out:
        out.write(b"[")
        for frame in frames:
            if not frame.width or not frame.height:
                raise DataError(
                    f"{frame.source} frame {frame.frame} has no width and height, of which Label Studio takes percents"
                )
            out.write((b",\n" if count else b"\n") + orjson.dumps(_task(frame, classes, names)))
            count += 1
        out.write(b"\n]\n")
    if config is not None:
        write_atomically(config, labelling_config(classes, names).encode())
        if note is not None:
            note(
                f"the labelling configuration is {config}; images are named without the address that serves them"
            )
    return count


def labelling_config(classes: Iterable[str], keypoints: Iterable[str]) -> str:
    """The XML of a project with these classes and names of keypoints."""
    lines = ["<View>", f'  <Image name="{_IMAGE}" value="${_IMAGE}"/>']
    for tag, name, values in (("RectangleLabels", _BOX, classes), ("KeyPointLabels", _POINT, keypoints)):
        labels = [f"    <Label value={quoteattr(value)}/>" for value in values]
        if labels:
            lines += [f'  <{tag} name="{name}" toName="{_IMAGE}">', *labels, f"  </{tag}>"]
    return "\n".join([*lines, "</View>"]) + "\n"


def _task(frame: Frame, classes: dict[str, None], names: dict[str, None]) -> dict[str, Any]:
    of_video = frame.time is not None or frame.frame > 0 or (frame.frames or 0) > 1
    image = frame_file(frame.source, frame.frame) if of_video else frame.source
    regions: list[dict[str, Any]] = []
    for number, one in enumerate(frame.instances):
        regions += _regions(one, number, frame, classes, names)
    scores = [one.score for one in frame.instances if one.score is not None]
    prediction: dict[str, Any] = {"model_version": frame.model or "rtm", "result": regions}
    if scores:
        prediction["score"] = sum(scores) / len(scores)
    meta = {"source": frame.source, "frame": frame.frame, "time": frame.time}
    return {
        "data": {_IMAGE: str(frame.extra.get("file", image))},
        "meta": {key: value for key, value in meta.items() if value is not None},
        "predictions": [prediction],
    }


def _regions(
    one: Instance, number: int, frame: Frame, classes: dict[str, None], names: dict[str, None]
) -> list[dict[str, Any]]:
    """The rectangle of a person and the keypoints within it."""
    assert frame.width and frame.height
    percent = 100 / np.array([frame.width, frame.height], np.float64)
    size = {"original_width": frame.width, "original_height": frame.height, "image_rotation": 0}
    label = one.label or "person"
    regions: list[dict[str, Any]] = []
    if one.box is not None:
        low, extent = one.box[:2] * percent, (one.box[2:] - one.box[:2]) * percent
        classes[label] = None
        value = {"x": low[0], "y": low[1], "width": extent[0], "height": extent[1], "rotation": 0}
        region = _region(
            f"person{number}", _BOX, "rectanglelabels", {**value, "rectanglelabels": [label]}, one.score
        )
        if one.id is not None:
            region["meta"] = {"text": [f"id {one.id}"]}
        regions.append({**region, **size})
    if one.keypoints is None:
        return regions
    keypoints = skeleton_of(frame, one.keypoints).keypoints
    for index, (name, point) in enumerate(zip(keypoints, one.keypoints, strict=True)):
        names[name] = None
        if np.isnan(point[:2]).any():
            continue
        place = point[:2] * percent
        value = {"x": place[0], "y": place[1], "width": _POINT_SIZE, "keypointlabels": [name]}
        region = _region(
            f"person{number}_{index}", _POINT, "keypointlabels", value, float(np.clip(point[2], 0, 1))
        )
        if one.box is not None:
            region["parentID"] = f"person{number}"
        regions.append({**region, **size})
    return regions


def _region(key: str, tag: str, kind: str, value: dict[str, Any], score: float | None) -> dict[str, Any]:
    plain = {name: float(part) if isinstance(part, np.floating) else part for name, part in value.items()}
    region = {"id": key, "type": kind, "from_name": tag, "to_name": _IMAGE, "value": plain}
    return region if score is None else {**region, "score": score}
