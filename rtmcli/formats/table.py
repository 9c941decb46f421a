"""The table of file formats: what `rtm convert`, docs/formats.md and the tests know of each.

A new format is a module with its reader and writer, and an entry here.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from rtmcli.errors import UsageError
from rtmcli.records.frame import Frame

FOLDER = "/"
# Enough of a JSON file to see its first keys.
_HEAD = 1 << 16
# frame, id, left, top, width, height
_MOT_LINE = re.compile(rb"\d+,\s*-?\d+(,\s*-?[\d.]+(e[+-]?\d+)?){4}(,|\s*$)")


@dataclass(frozen=True, slots=True)
class Conversion:
    """What readers and writers take beside the file.

    Attributes:
        labels: label file that gives images their ids.
        skeleton: to read: of the keypoints, whatever the file says. To write: that the keypoints were translated to.
        note: called with what must be known about the file.
    """

    labels: str | None = None
    skeleton: str | None = None
    note: Callable[[str], None] = field(default=lambda text: None)


Reader = Callable[[str, Conversion], Iterator[Frame]]
Writer = Callable[[Iterable[Frame], str, Conversion], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One file format.

    Attributes:
        name: as `--from` and `--to` take it.
        content: what it holds, for the documentation.
        omits: what of a record it cannot hold.
        read, write: None where rtm does not.
        extensions: of its files; "/" is a folder.
        streams: whether it can be read from standard input and written to standard output.
        keypoints: whether it holds keypoints; else boxes alone.
    """

    name: str
    content: str
    omits: str
    read: Reader | None
    write: Writer | None
    extensions: tuple[str, ...]
    streams: bool = True
    keypoints: bool = True


def find_format(name: str) -> Format:
    """The format of this name. Raises UsageError with the nearest name where there is none."""
    for one in FORMATS:
        if one.name == name:
            return one
    near = get_close_matches(name, format_names(), n=1)
    hint = f"did you mean {near[0]}? There" if near else "there"
    raise UsageError(f"no such format {name!r}; {hint} are {', '.join(format_names())}")


def format_names() -> list[str]:
    """The names of all formats."""
    return [one.name for one in FORMATS]


def format_of_output(path: str) -> Format:
    """The format of a file to write, by its extension; records where that says nothing."""
    if path.endswith("/") or Path(path).is_dir():
        return _by_extension(FOLDER)
    return _by_extension(Path(path).suffix.lower())


def format_of_input(path: str) -> Format:
    """The format of a file to read, by its extension, else by its first bytes; records where both say nothing."""
    file = Path(path)
    if path == "-" or not file.exists():
        return find_format("records")
    if file.is_dir():
        return _by_extension(FOLDER)
    named = next((one for one in FORMATS if file.suffix.lower() in one.extensions), None)
    if named is not None:
        return named
    with file.open("rb") as stream:
        return find_format(_by_content(stream.read(_HEAD)))


def _by_extension(extension: str) -> Format:
    return next((one for one in FORMATS if extension in one.extensions), find_format("records"))


def _by_content(head: bytes) -> str:
    """The name of the format that begins with these bytes."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"["):
        if b'"instances"' in text or b'"keypoint_scores"' in text:
            return "mmpose"
        return "alphapose" if b'"idx"' in text or b'"box"' in text else "coco"
    if not text.startswith(b"{"):
        columns = text.split(b"\n", 1)[0].replace(b"\0", b"").lower()
        if _MOT_LINE.match(columns):
            return "motchallenge"
        return "csv" if b"source" in columns and b"instance" in columns else "records"
    if b'"source"' in text.split(b"\n", 1)[0] and b'"instances"' in text:
        return "records"
    keys = {
        b'"people"': "openpose",
        b'"instance_info"': "mmpose",
        b'"images"': "coco",
        b'"annotations"': "coco",
    }
    return next((name for key, name in keys.items() if key in text), "records")


def _read_records(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.records.ndjson import read_frames

    return read_frames(path)


def _write_records(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.records.ndjson import write_frames

    write_frames(frames, path)
    return 0


def _read_csv(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.csv_reader import read_table

    return read_table(path)


def _write_csv(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.csv_writer import write_table

    return write_table(frames, path)


def _read_coco(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.coco_reader import read_coco_records

    return read_coco_records(path, labels=given.labels, skeleton=given.skeleton)


def _write_coco(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.coco_writer import write_coco_results

    return write_coco_results(frames, path, labels=given.labels, note=given.note)


def _write_alphapose(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.alphapose import write_alphapose

    return write_alphapose(frames, path)


def _read_openpose(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.openpose_reader import read_openpose

    return read_openpose(path)


def _write_openpose(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.openpose_writer import write_openpose

    return write_openpose(frames, path, skeleton=given.skeleton, note=given.note)


def _read_mmpose(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.mmpose import read_mmpose

    return read_mmpose(path)


def _write_mmpose(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.mmpose import write_mmpose

    return write_mmpose(frames, path)


def _read_motchallenge(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.motchallenge import read_motchallenge

    return read_motchallenge(path)


def _write_motchallenge(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.motchallenge import write_motchallenge

    return write_motchallenge(frames, path)


FORMATS = (
    Format(
        name="records",
        extensions=(".jsonl", ".ndjson"),
        content="one JSON object per frame, as all verbs read and write",
        omits="–",
        read=_read_records,
        write=_write_records,
    ),
    Format(
        name="csv",
        extensions=(".csv",),
        content="one row per keypoint: `source, frame, frames, time, width, height, skeleton, model, instance, id, "
        "label, x1, y1, x2, y2, score, index, keypoint, x, y, keypoint_score`. Rows are read in any order, also as "
        "spreadsheets and pandas rewrite them (semicolons, tabs, decimal commas, `1.0` for `1`, `NaN`, UTF-16)",
        omits="frames without people, 3D keypoints, keys unknown to rtm",
        read=_read_csv,
        write=_write_csv,
    ),
    Format(
        name="coco",
        extensions=(),
        content="a list of results: `image_id`, `category_id`, `keypoints`, `bbox`, `score`, `track_id`. coco133 is "
        "written to the fields of COCO-WholeBody (`foot_kpts`, `face_kpts`, `lefthand_kpts`, `righthand_kpts`). "
        "Label files are read too",
        omits="times, sizes, images without people, box scores",
        read=_read_coco,
        write=_write_coco,
        streams=False,
    ),
    Format(
        name="alphapose",
        extensions=(),
        content="AlphaPose's list (`alphapose-results.json`): `image_id` (a name; of a video `<frame>.jpg`), "
        "`keypoints`, `score`, `box`, `idx`",
        omits="the name of a video, times, sizes, images without people",
        read=_read_coco,
        write=_write_alphapose,
        streams=False,
    ),
    Format(
        name="openpose",
        extensions=(FOLDER,),
        content="a folder of `<name>_<frame, 12 digits>_keypoints.json`: `pose_keypoints_2d` of BODY_25, or of the "
        "skeleton that `--skeleton` names; `face_keypoints_2d` (70; the pupils are 0), both hands, `person_id`. Other "
        "numbers in the names are read too (`<name>_000012.json`, `12.json`), and bodies of 17, 26, 133 or 136 "
        "keypoints",
        omits="boxes, scores of people, times, sizes",
        read=_read_openpose,
        write=_write_openpose,
        streams=False,
    ),
    Format(
        name="mmpose",
        extensions=(),
        content='`{"meta_info", "instance_info"}` as written by MMPose\'s demos, frames counted from 1; the '
        "inferencer's list, counted from 0, is read too",
        omits="times, sizes",
        read=_read_mmpose,
        write=_write_mmpose,
        streams=False,
    ),
    Format(
        name="motchallenge",
        extensions=(".txt",),
        content="lines of `frame, id, left, top, width, height, score, -1, -1, -1`, frames counted from 1; ground "
        "truth (`gt.txt`, a sequence's folder) is read too, with size and rate from its `seqinfo.ini`",
        omits="keypoints, people without an id, times, sizes; one source per file",
        read=_read_motchallenge,
        write=_write_motchallenge,
        streams=False,
        keypoints=False,
    ),
)
