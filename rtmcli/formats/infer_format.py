"""The format of a file to read or write, by its extension or its first bytes."""

import re
from pathlib import Path

from rtmcli.formats.format import FOLDER, Format
from rtmcli.formats.table import FORMATS, find_format

# Enough of a JSON file to see its first keys.
_HEAD = 1 << 16
# The first bytes of binary files.
_SIGNATURES = {"parquet": b"PAR1"}
# The beginning of HDF5 files, and names in them that tell whose they are.
_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_NAMES = {b"videos_json": "sleap", b".specloc": "nwb", b"df_with_missing": "dlc"}
# frame, id, left, top, width, height
_MOT_LINE = re.compile(rb"\d+,\s*-?\d+(,\s*-?[\d.]+(e[+-]?\d+)?){4}(,|\s*$)")

# Formats with a file for each person: what a folder of them holds.
_ONE_PER_PERSON = {"trc": ".trc", "c3d": ".c3d"}


def format_of_output(path: str) -> Format:
    """The format of a file to write, by its extension; records where that says nothing.

    A format that holds boxes alone must be named: its extension does not say that keypoints are not wanted.
    """
    if path == "-":  # also where there is a file or folder of that name
        return find_format("records")
    if Path(path).suffix.lower() == ".parquet":  # also of a folder
        return find_format("parquet")
    if path.endswith("/") or Path(path).is_dir():
        return _by_extension(FOLDER)
    chosen = _by_extension(Path(path).suffix.lower())
    return chosen if chosen.keypoints else find_format("records")


def format_of_input(path: str) -> Format:
    """The format of a file to read, by its first bytes, else by its extension; records where both say nothing."""
    file = Path(path)
    if file.is_dir():
        for name, suffix in _ONE_PER_PERSON.items():
            if any(file.glob(f"*{suffix}")):
                return find_format(name)
        if file.suffix == ".parquet" or any(file.glob("source=*/")) or any(file.glob("*.parquet")):
            return find_format("parquet")
        first = min(file.glob("*.json"), default=None)
        if first is not None and format_of_input(str(first)).name == "posetrack":
            return find_format("posetrack")
        yolo = (file / "data.yaml").is_file() or any((file / "labels").rglob("*.txt"))
        return find_format("yolo") if yolo else _by_extension(FOLDER)
    if not file.is_file():  # standard input, or a pipe, of which nothing may be taken
        return _by_extension(file.suffix.lower())
    with file.open("rb") as stream:
        found = _by_content(stream.read(_HEAD))
    return _by_extension(file.suffix.lower()) if found is None else find_format(found)


def _by_extension(extension: str) -> Format:
    return next((one for one in FORMATS if extension in one.extensions), find_format("records"))


def _by_content(head: bytes) -> str | None:
    """The name of the format that begins with these bytes; None where they say nothing."""
    for name, start in _SIGNATURES.items():
        if head.startswith(start):
            return name
    if head[1:2] == b"P" and head[:1] < b" ":  # the number of the first block of parameters, and C3D's mark
        return "c3d"
    if head.startswith(_HDF5):
        return next((name for key, name in _HDF5_NAMES.items() if key in head), None)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"PathFileType"):
        return "trc"
    if text.startswith(b"["):
        if b'"instances"' in text or b'"keypoint_scores"' in text:
            return "mmpose"
        return "alphapose" if b'"idx"' in text or b'"box"' in text else "coco"
    if not text.startswith(b"{"):
        columns = text.split(b"\n", 1)[0].replace(b"\0", b"").lower()
        if _MOT_LINE.match(columns):
            return "motchallenge"
        if columns.startswith(b"scorer,"):
            return "dlc"
        if b"source" not in columns or b"instance" not in columns:
            return None
        return "csv-wide" if b"_x" in columns and b"keypoint_score" not in columns else "csv"
    if b'"source"' in text.split(b"\n", 1)[0] and b'"instances"' in text:
        return "records"
    keys = {
        b'"people"': "openpose",
        b'"instance_info"': "mmpose",
        b'"vid_id"': "posetrack",
        b'"images"': "coco-labels",
        b'"annotations"': "coco-labels",
    }
    return next((name for key, name in keys.items() if key in text), None)
