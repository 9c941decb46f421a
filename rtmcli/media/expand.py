"""The sources that a list of cameras stands for, with their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.media.list_file import is_list, list_lines, listed_path
from rtmcli.media.names import file_path, is_address, record_name
from rtmcli.media.remote import is_remote
from rtmcli.media.source_names import camera_number, files_of


@dataclass(frozen=True, slots=True)
class ListedSource:
    """A source, and what records call it where a list gives it a name.

    Example:
        from rtmcli import expand_sources, open_media

        for one in expand_sources(["walk.mp4"]):
            with open_media(one.source) as media:
                media.rename(one.name)
    """

    source: str
    name: str | None = None


def expand_sources(sources: Sequence[str | Path], *, clip: bool = False) -> list[ListedSource]:
    """The sources, with the lines of a list of cameras in its place.

    A list of cameras is a text file in which a line is an address or the number of a camera, or has a name:
    `NAME = SOURCE`. Any other list is one source, which has its files as a folder has.

    Args:
        clip: a folder, glob or list of images is one source (`--fps`).

    Raises:
        DataError: a line without name or source, a name that is used twice, a name for a folder, glob or list.

    Example:
        from pathlib import Path

        from rtmcli import expand_sources

        Path("cams.txt").write_text("door = rtsp://camera/1\\nyard = rtsp://camera/2\\n")
        assert [one.name for one in expand_sources(["cams.txt"])] == ["door", "yard"]
    """
    found: list[ListedSource] = []
    for source in map(str, sources):
        listing = Path(file_path(source))
        if not is_camera_list(listing):
            found.append(ListedSource(source))
            continue
        for number, name, line in _lines(listing):
            one = line if stands_alone(line) else listed_path(line, listing)
            if name is not None and any(name == other.name for other in found):
                raise DataError(f"{record_name(source)}, line {number}: the name {name} is used twice")
            if name is not None and not clip and not is_address(one) and files_of(one) is not None:
                raise DataError(
                    f"{record_name(source)}, line {number}: {name} names a folder, glob or list; name single sources"
                )
            found.append(ListedSource(one, name))
    return found


def is_camera_list(path: Path) -> bool:
    """Whether a path is a list of cameras."""
    return is_list(path) and any(name is not None or stands_alone(line) for _, name, line in _lines(path))


def stands_alone(line: str) -> bool:
    """Whether a line is an address or a camera; one in an object store is a file."""
    return camera_number(line) is not None or (is_address(line) and not is_remote(line))


def _lines(listing: Path) -> list[tuple[int, str | None, str]]:
    """Number, name and source of each line."""
    found: list[tuple[int, str | None, str]] = []
    for number, line in list_lines(listing):
        parts = [part.strip() for part in re.split(r"\s=\s", f" {line} ", maxsplit=1)]
        if len(parts) == 1 or _exists(line, listing):
            found.append((number, None, line))
        elif all(parts):
            found.append((number, record_name(parts[0]), parts[1]))
        else:
            raise DataError(
                f"{record_name(str(listing))}, line {number}: expected NAME = SOURCE, as in "
                "'door = rtsp://camera/stream'"
            )
    return found


def _exists(line: str, listing: Path) -> bool:
    return Path(listed_path(line, listing)).exists()
