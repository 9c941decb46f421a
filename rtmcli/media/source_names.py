"""What a source is: the files that a folder, glob or list stands for, a file's kind, a camera, a live address."""

import glob
import os
import re
import stat
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.media.connection import Connection
from rtmcli.media.image_frames import Kind, image_kind
from rtmcli.media.image_headers import is_image as begins_image
from rtmcli.media.images import SUFFIXES as IMAGE_SUFFIXES
from rtmcli.media.images import unreadable
from rtmcli.media.list_file import is_list, list_lines, listed_path
from rtmcli.media.names import is_address, record_name
from rtmcli.media.remote import is_remote, remote_files
from rtmcli.terminal.messages import say

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".apng", ".ts", ".m2ts", ".mts", ".mpg",
    ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".mxf", ".h264", ".h265", ".hevc", ".y4m", ".vob",
    ".mjpeg", ".mjpg", ".ivf", ".asf", ".3g2", ".f4v", ".m2v", ".264", ".265", ".qt", ".divx", ".dv",
})
# fmt: on

# Protocols that send in real time and do not wait for a slow reader.
_LIVE = ("rtsp://", "rtsps://", "rtmp://", "rtmps://", "rtp://", "udp://", "srt://", "mms://", "tcp://")

DEMO = Path(__file__).parent / "demo.mp4"


def files_of(name: str) -> list[str] | None:
    """The files that a folder, glob or text file of paths stands for, in natural order; None for a single source.

    Args:
        name: a path as Python opens it (`names.file_path`), or what else names a source.

    Raises:
        DataError: an empty folder or list, a glob that matches nothing.
    """
    if is_remote(name):
        found_there = remote_files(name)
        return None if found_there is None else sorted(found_there, key=natural)
    path, shown = Path(name), record_name(name)
    if path.is_dir():
        try:
            found = [file for file in path.iterdir() if _is_medium(file)]
        except OSError as error:
            raise unreadable(path, error) from None
        if not found:
            raise DataError(
                f"{shown}: no image or video in this folder; a quoted glob searches subfolders: '{shown}/**/*.mp4'"
            )
        return sorted((str(file) for file in found), key=natural)
    if os.path.exists(name) or is_address(name) or name == "-":
        return _listed(path) if is_list(path) else None
    if glob.has_magic(name):
        matches = [file for file in glob.glob(name, recursive=True) if os.path.isfile(file)]
        if not matches:
            raise DataError(f"{shown}: no file matches")
        return sorted(matches, key=natural)
    return None


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts `2.png` before `10.png`."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part
    ]


def kind_of_file(file: str) -> Kind:
    """Whether a file is one image, several, or a video: by its suffix and by its first bytes.

    Raises:
        DataError: the file is missing or unreadable.
    """
    suffix = Path(file).suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "video"
    if is_remote(file):
        several = suffix in (".webp", ".tif", ".tiff")
        return "frames" if several else "image" if suffix in IMAGE_SUFFIXES else "video"
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            return "video"
        if suffix in IMAGE_SUFFIXES:
            return image_kind(file, named_image=True)
        with open(file, "rb") as stream:
            head = stream.read(32)
        return image_kind(file, named_image=False) if begins_image(head) else "video"
    except OSError as error:
        raise unreadable(file, error) from None


def is_image(file: str) -> bool:
    """Whether a file is one image. Raises DataError where it is missing or unreadable."""
    return kind_of_file(file) == "image"


def camera_number(name: str) -> int | None:
    """The camera that `0` or `/dev/video0` names; None for anything else."""
    match = re.fullmatch(r"(?:/dev/video)?(\d{1,3})", name)
    if match is None or (not name.startswith("/dev/") and os.path.exists(name)):
        return None
    return int(match[1])


def is_live(name: str) -> bool:
    """Whether an address is a live stream."""
    return name.lower().startswith(_LIVE)


def may_be_live(name: str, connection: Connection) -> bool:
    """Whether a source that cannot be opened may be a live one: no file, and no address that ends as files do."""
    if connection.live or camera_number(name) is not None or is_live(name):
        return True
    suffix = Path(name.partition("?")[0]).suffix.lower()
    return is_address(name) and not is_remote(name) and suffix not in VIDEO_SUFFIXES | IMAGE_SUFFIXES


def is_demo(name: str) -> bool:
    """Whether `demo` means the clip in the package: a file or folder of that name has precedence."""
    return name == "demo" and not os.path.exists(name)


def _is_medium(file: Path) -> bool:
    """Whether an entry of a folder is an image or a video; a folder that is named like one is reported."""
    if file.suffix.lower() not in IMAGE_SUFFIXES | VIDEO_SUFFIXES or file.name.startswith("."):
        return False
    if file.is_dir():
        say(f"{record_name(str(file))}: a folder, not a file; skipped")
        return False
    return True


def _listed(listing: Path) -> list[str]:
    """Paths in a text file, one a line, relative to the working folder or to the list's own."""
    return [listed_path(line, listing) for _, line in list_lines(listing)]
