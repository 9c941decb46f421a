"""YOLO-pose data sets (Ultralytics) to records and back: a folder with `data.yaml`, `images/` and `labels/`.

A label file has a line per person, all places in units of the image's width and height:

    class cx cy width height  x1 y1 v1  x2 y2 v2 ...  [score [track id]]

v is 0, 1 or 2 in labels and a score in the files of `yolo predict save_txt=True`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from rtmcli.arrays import BoolArray, Float32Array, Float64Array
from rtmcli.errors import DataError
from rtmcli.files import make_folder, write_atomically
from rtmcli.formats.second_run import refuse_second_run
from rtmcli.formats.skeleton_names import BY_COUNT, recognise
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton
from rtmcli.skeletons.of_frame import skeleton_of

_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
# A key of YAML and what stands behind it.
_KEY = re.compile(r"^(?P<indent>\s*)(?P<key>[\w-]+)\s*:\s*(?P<value>.*?)\s*(?:#.*)?$")
# Ultralytics: visible and labelled.
_VISIBLE = 2


def write_yolo(
    frames: Iterable[Frame], folder: str | Path, *, note: Callable[[str], None] | None = None
) -> int:
    """Write one label file per frame and `data.yaml` into a folder, which is created. Returns the number of files.

    Raises:
        DataError: a record has no size, two frames would have one file (two runs of a source too), or skeletons differ.

    Example:
        from rtmcli import read_frames, write_yolo

        count = write_yolo(read_frames("walk.jsonl"), "dataset/")
    """
    folder = Path(folder)
    make_folder(folder / "labels")
    make_folder(folder / "images")
    owners: dict[str, str] = {}
    first: dict[str, int] = {}
    skeletons: set[str] = set()
    count = outside = 0
    for frame in frames:
        if not frame.width or not frame.height:
            raise DataError(
                f"{frame.source} frame {frame.frame} has no width and height, which YOLO's labels need"
            )
        stem = _stem(frame)
        if owners.setdefault(stem, frame.source) != frame.source:
            raise DataError(
                f"{frame.source} and {owners[stem]} would both be labels/{stem}.txt; convert each alone"
            )
        refuse_second_run(frame, first)
        people = [one for one in frame.instances if one.keypoints is not None]
        if people and frame.skeleton is not None:
            skeletons.add(skeleton_of(frame).name)
        if len(skeletons) > 1:
            raise DataError(
                f"the records mix the skeletons {', '.join(sorted(skeletons))}; a data set has one"
            )
        lines = [_line(one, frame.width, frame.height) for one in people]
        text = "".join(f"{line}\n" for line in lines if line is not None)
        write_atomically(folder / "labels" / f"{stem}.txt", text.encode())
        count += 1
        outside += sum(_outside(one, frame.width, frame.height) for one in people)
    write_atomically(folder / "data.yaml", _yaml(skeletons.pop() if skeletons else None).encode())
    if note is not None and outside:
        note(
            f"{outside} keypoints outside their images are not labelled: Ultralytics refuses files with such places"
        )
    if note is not None and count:
        note(f"labels are written, images are not: put them into {folder / 'images'} under the same names")
    return count


def read_yolo(folder: str | Path) -> Iterator[Frame]:
    """Records of a data set, one per label file, in order of their names; the source is the path of the image.

    The images give the sizes. Raises DataError where an image is missing, or a line does not fit the keypoints.

    Example:
        import shutil
        from pathlib import Path

        from rtmcli import read_frames, read_yolo, write_yolo

        write_yolo(read_frames("found.jsonl"), "dataset/")
        shutil.copy("images/a.jpg", "dataset/images/a.jpg")
        for frame in read_yolo("dataset/"):
            print(Path(frame.source).name, len(frame.instances))
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; a YOLO data set is one, with labels/*.txt and images/")
    yaml = _read_yaml(folder / "data.yaml")
    paths = sorted(path for path in folder.rglob("*.txt") if "labels" in path.relative_to(folder).parts[:-1])
    if not paths:
        raise DataError(f"{folder} has no labels/*.txt")
    for path in paths:
        image = _image_of(path, folder)
        width, height = _size(image)
        people = []
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            if not line.strip():
                continue
            try:
                people.append(_person(line, yaml, width, height))
            except ValueError as error:
                raise DataError(f"{path}, line {number}: {error}") from None
        skeleton = _skeleton(yaml, people)
        yield Frame(
            source=str(image),
            frame=0,
            frames=1,
            width=width,
            height=height,
            skeleton=skeleton,
            instances=people,
        )


def _stem(frame: Frame) -> str:
    if frame.time is None and frame.frames == 1:
        return PurePath(str(frame.extra.get("file", frame.source))).stem
    return f"{PurePath(frame.source).stem}_{frame.frame:06d}"


def _line(one: Instance, width: int, height: int) -> str | None:
    """A person's line, with the box within the image and 0, 0, 0 for a keypoint outside it; None for nobody in it."""
    assert one.keypoints is not None
    size = np.array([width, height], np.float64)
    places = one.keypoints[:, :2].astype(np.float64)  # (K, 2)
    known = _inside(places, width, height)
    if one.box is not None:
        low, high = np.clip(one.box.astype(np.float64).reshape(2, 2), 0, size)
    elif known.any():
        low, high = places[known].min(axis=0), places[known].max(axis=0)
    else:
        return None
    if not (high > low).all():
        return None
    values = [*((low + high) / 2 / size), *((high - low) / size)]
    numbers = [repr(float(value)) for value in values]
    for place, there in zip(places / size, known, strict=True):
        numbers += [repr(float(place[0])), repr(float(place[1])), str(_VISIBLE)] if there else ["0", "0", "0"]
    return " ".join(["0", *numbers])


def _inside(places: Float64Array, width: int, height: int) -> BoolArray:
    """(K,) whether each place is in the image; False for one that does not exist."""
    return np.asarray(((places >= 0) & (places <= [width, height])).all(axis=1))


def _outside(one: Instance, width: int, height: int) -> int:
    assert one.keypoints is not None
    places = one.keypoints[:, :2].astype(np.float64)
    return int((~np.isnan(places).any(axis=1) & ~_inside(places, width, height)).sum())


def _person(line: str, yaml: Mapping[str, Any], width: int, height: int) -> Instance:
    values = np.array([float(word) for word in line.split()], np.float64)
    if len(values) < 5 or not np.isfinite(values).all():
        raise ValueError(f"expected class, box (4 numbers) and keypoints, got {line[:60]!r}")
    count, columns = yaml.get("kpt_shape") or ((len(values) - 5) // 3, 3)
    beyond = len(values) - 5 - count * columns
    if columns not in (2, 3) or beyond not in (0, 1, 2):
        raise ValueError(f"{len(values)} numbers are not a box and {count} keypoints of {columns}")
    size = np.array([width, height], np.float64)
    centre, sides = values[1:3] * size, values[3:5] * size
    rows = values[5 : 5 + count * columns].reshape(count, columns)
    points: Float32Array = np.ones((count, 3), np.float32)
    points[:, :2] = rows[:, :2] * size
    if columns == 3:
        # Visibility 2 is a label, as 1 is; a prediction has its score there.
        points[:, 2] = np.minimum(rows[:, 2], 1)
    points[(rows[:, :2] == 0).all(axis=1) | (points[:, 2] <= 0)] = np.nan
    names = yaml.get("names") or {}
    track = values[-1] if beyond == 2 else None
    return Instance(
        box=np.concatenate([centre - sides / 2, centre + sides / 2]).astype(np.float32),
        score=float(np.clip(values[5 + count * columns], 0, 1)) if beyond else 1.0,
        keypoints=points, id=None if track is None else int(track), label=str(names.get(int(values[0]), "person")),
    )  # fmt: skip


def _skeleton(yaml: Mapping[str, Any], people: list[Instance]) -> str | None:
    """The skeleton by the names of the keypoints, else the usual one with their number."""
    names = yaml.get("kpt_names") or []
    found = recognise(names) if names else None
    if found is not None and found[1] == list(range(len(names))):
        return found[0]
    counts = {len(one.keypoints) for one in people if one.keypoints is not None}
    return BY_COUNT.get(counts.pop()) if len(counts) == 1 else None


def _image_of(label: Path, folder: Path) -> Path:
    """The image of a label file: in `images` where the label is in `labels`."""
    parts = list(label.relative_to(folder).with_suffix("").parts)
    parts[parts.index("labels")] = "images"
    stem = folder.joinpath(*parts)
    for suffix in (*_IMAGES, *(suffix.upper() for suffix in _IMAGES)):
        image = stem.with_name(stem.name + suffix)
        if image.is_file():
            return image
    raise DataError(
        f"{label}: there is no image {stem}.jpg (or .png, ...), which gives the size of its labels"
    )


def _size(image: Path) -> tuple[int, int]:
    from rtmcli.media.images import load_image

    height, width = load_image(image).shape[:2]
    return width, height


def _yaml(skeleton: str | None) -> str:
    # Without `path`, Ultralytics takes the folder of data.yaml; a path of `.` would be its working directory. sleap-io
    # finds the labels where the path has "/images".
    lines = ["train: ./images", "val: ./images", "names:", "  0: person"]
    if skeleton is not None:
        own = load_skeleton(skeleton)
        lines += [
            f"kpt_shape: [{len(own)}, 3]",
            f"flip_idx: {[int(i) for i in own.flip]}",
            "kpt_names:",
            f"  0: {list(own.keypoints)}",
        ]
    return "\n".join(lines) + "\n"


def _read_yaml(path: Path) -> dict[str, Any]:
    """`kpt_shape`, `names` and `kpt_names` of a data.yaml, in YAML's flow or block form; empty where there is none."""
    if not path.is_file():
        return {}
    sections: dict[str, list[str]] = {}
    section = ""
    for line in path.read_text("utf-8", "replace").splitlines():
        match = _KEY.match(line)
        if match is not None and not match["indent"]:
            section = match["key"]
            sections[section] = [match["value"]] if match["value"] else []
        elif line.strip() and not line.lstrip().startswith("#"):
            sections.setdefault(section, []).append(line.strip())
    found: dict[str, Any] = {}
    if sections.get("kpt_shape"):
        shape = [word for word in _words(sections["kpt_shape"]) if word.isdecimal()]
        if len(shape) != 2:
            raise DataError(f"{path}: kpt_shape must be two numbers, keypoints and columns")
        found["kpt_shape"] = (int(shape[0]), int(shape[1]))
    names = _words(sections.get("names", []))
    found["names"] = {n: name for n, name in enumerate(name for name in names if not name.isdecimal())}
    found["kpt_names"] = [word for word in _words(sections.get("kpt_names", [])) if not word.isdecimal()]
    return found


def _words(lines: list[str]) -> list[str]:
    """The words of a list or mapping, without brackets, dashes and quotes."""
    words = re.split(r"[,:\[\]{}]", ",".join(line.removeprefix("- ") for line in lines))
    return [word.strip(" '\"") for word in words if word.strip(" '\"")]
