"""Text files of sources: one a line, `#` begins a comment line."""

import os
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.media.images import read_bytes
from rtmcli.media.names import record_name

LIST_SUFFIXES = frozenset({".txt", ".lst", ".list"})


def is_list(path: Path) -> bool:
    """Whether a path is a text file of sources."""
    return path.suffix.lower() in LIST_SUFFIXES and path.is_file()


def list_lines(listing: Path) -> list[tuple[int, str]]:
    """The lines that are neither blank nor comments, each with its number from 1.

    Raises:
        DataError: the file is no text, or has no such line.
    """
    # Names of files are bytes, in whatever encoding.
    content = read_bytes(listing).removeprefix(b"\xef\xbb\xbf")
    shown = record_name(str(listing))
    if b"\0" in content:
        raise DataError(f"{shown}: not a list of paths (text, one path a line)")
    lines = [(number, os.fsdecode(line.strip())) for number, line in enumerate(content.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not lines:
        raise DataError(f"{shown}: no path in this list")
    return lines


def listed_path(name: str, listing: Path) -> str:
    """The path that a line names: relative to the working folder, or to the list's own."""
    if os.path.exists(name) or not (listing.parent / name).exists():
        return name
    return str(listing.parent / name)
