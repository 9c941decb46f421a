"""Source names: the files that a folder, glob or list stands for, and what kind of source a name is."""

import glob
import os
import re
import stat
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.media.image_headers import is_image as begins_image
from rtmcli.media.images import SUFFIXES as IMAGE_SUFFIXES
from rtmcli.media.images import read_bytes, unreadable

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".apng", ".ts", ".m2ts", ".mts", ".mpg",
    ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".mxf", ".h264", ".h265", ".hevc", ".y4m", ".vob",
})
# fmt: on
LIST_SUFFIXES = frozenset({".txt", ".lst", ".list"})

# Protocols that send in real time and do not wait for a slow reader.
_LIVE = ("rtsp://", "rtsps://", "rtmp://", "rtmps://", "rtp://", "udp://", "srt://", "mms://")

DEMO = Path(__file__).parent / "demo.mp4"


def files_of(name: str) -> list[str] | None:
    """The files that a folder, glob or text file of paths stands for, in natural order; None for a single thing.

    Raises:
        DataError: an empty folder or list, a glob that matches nothing.
    """
    path = Path(name)
    if path.is_dir():
        try:
            found = [
                file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES
            ]
        except OSError as error:
            raise unreadable(path, error) from None
        if not found:
            raise DataError(f"{name}: no image or video in this folder")
        return sorted((str(file) for file in found if not file.name.startswith(".")), key=natural)
    if path.exists() or "://" in name or name == "-":
        return _listed(path) if path.suffix.lower() in LIST_SUFFIXES and path.is_file() else None
    if glob.has_magic(name):
        matches = [file for file in glob.glob(name, recursive=True) if os.path.isfile(file)]
        if not matches:
            raise DataError(f"{name}: no file matches")
        return sorted(matches, key=natural)
    return None


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts `2.png` before `10.png`."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part
    ]


def is_image(file: str) -> bool:
    """Whether a file is an image: by its suffix, or by its first bytes where the suffix is unknown."""
    suffix = Path(file).suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return True
    if suffix in VIDEO_SUFFIXES:
        return False
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            return False
        with open(file, "rb") as stream:
            return begins_image(stream.read(32))
    except OSError as error:
        raise unreadable(file, error) from None


def camera_number(name: str) -> int | None:
    """The camera that `0` or `/dev/video0` names; None for anything else."""
    match = re.fullmatch(r"(?:/dev/video)?(\d{1,3})", name)
    if match is None or (not name.startswith("/dev/") and os.path.exists(name)):
        return None
    return int(match[1])


def is_live(name: str) -> bool:
    """Whether an address is a live stream."""
    return name.lower().startswith(_LIVE)


def is_demo(name: str) -> bool:
    """Whether `demo` means the clip in the package: a file or folder of that name has precedence."""
    return name == "demo" and not os.path.exists(name)


def _listed(listing: Path) -> list[str]:
    """Paths in a text file, one a line, relative to the working folder or to the list's own."""
    try:
        text = read_bytes(listing).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{listing}: not a list of paths (UTF-8 text, one path a line)") from None
    lines = [line.strip() for line in text.splitlines()]
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise DataError(f"{listing}: no path in this list")
    return [
        name if os.path.exists(name) or not (listing.parent / name).exists() else str(listing.parent / name)
        for name in names
    ]
