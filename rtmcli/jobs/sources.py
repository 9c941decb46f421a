"""The sources that a person's arguments stand for."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rtmcli.errors import DataError, UsageError
from rtmcli.jobs.unit import PART
from rtmcli.media.expand import expand_sources
from rtmcli.media.names import file_path, is_address, record_name
from rtmcli.media.remote import is_remote, remote_size
from rtmcli.media.source_names import camera_number, files_of, is_demo, is_live, kind_of_file, natural

RECORD_SUFFIXES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Named:
    """One source: a video, or images.

    Attributes:
        name: as in records and messages.
        place: path or address from which the output file gets its name.
        images: whether it is the images of a folder, glob or list together.
    """

    name: str
    place: str
    images: bool = False


def media_sources(arguments: Sequence[str], *, clip: bool = False) -> list[Named]:
    """The videos among files, folders, globs and lists, and the images of each of these together.

    Args:
        clip: a folder, glob or list of images is one clip (`--fps`).

    Raises:
        UsageError: standard input, a camera or a live stream, which have no end to wait for.
        DataError: an empty folder or list, a glob that matches nothing.
    """
    image_files.cache_clear()  # an earlier job of this process may have seen other files
    found: list[Named] = []
    expanded = expand_sources(arguments, clip=clip)
    if any(one.name is not None for one in expanded):
        raise UsageError(
            "-o FOLDER names files after their sources, not as a list does; use --name, or -o out.jsonl"
        )
    for argument in (one.source for one in expanded):
        _refuse_endless(argument)
        files = files_of(file_path(argument))
        if clip and files is not None:
            found.append(Named(record_name(argument), _parent(files), images=True))
        elif files is None:
            name = record_name(argument)
            found.append(Named(name, name if is_address(argument) else argument))
        else:
            images = [file for file in files if _is_image(file)]
            found += [Named(record_name(file), file) for file in files if file not in set(images)]
            if images:
                found.append(Named(record_name(argument), _parent(images), images=True))
    return _once(found)


def record_sources(arguments: Sequence[str]) -> list[Named]:
    """The record files among files and folders, those in subfolders included.

    Raises:
        UsageError: standard input. DataError: a folder without record files.
    """
    found: list[str] = []
    for argument in arguments:
        if not os.path.isdir(argument):
            found.append(argument)
            continue
        files = [path for path in Path(argument).rglob("*") if path.suffix.lower() in RECORD_SUFFIXES]
        own = [str(path) for path in files if PART not in path.relative_to(argument).parts]
        if not own:
            raise DataError(f"{argument}: no {' or '.join(RECORD_SUFFIXES)} file in this folder")
        found += sorted(own, key=natural)
    return file_sources(found)


def file_sources(arguments: Sequence[str]) -> list[Named]:
    """Files, or folders that are one thing, by their names. Raises UsageError for standard input."""
    if "-" in arguments:
        raise UsageError(
            "a folder gets a file for each file by name, not for standard input; write to one file: -o out.jsonl"
        )
    return _once(Named(argument, argument) for argument in arguments)


@lru_cache(maxsize=16)
def image_files(name: str) -> tuple[str, ...]:
    """The images of a folder, glob or list, which are one source together; looked up once in a job."""
    return tuple(file for file in files_of(file_path(name)) or () if _is_image(file))


def source_size(named: Named) -> int | None:
    """By what a source is known to have changed: bytes of a file, number of images; None for anything else."""
    return len(image_files(named.name)) if named.images else file_size(named.name)


def file_size(name: str) -> int | None:
    """Bytes of a file, also in an object store; None for anything else."""
    if is_remote(name):
        return remote_size(name)
    try:
        return os.stat(file_path(name)).st_size if os.path.isfile(file_path(name)) else None
    except OSError:
        return None


def _refuse_endless(argument: str) -> None:
    what = None
    if argument == "-":
        what = "standard input"
    elif camera_number(argument) is not None:
        what = f"camera {argument}"
    elif is_address(argument) and is_live(argument):
        what = f"the live stream {record_name(argument)}"
    if what is not None:
        raise UsageError(f"-o FOLDER is for sources that end, not for {what}; write to a file: -o out.jsonl")


def _is_image(file: str) -> bool:
    try:
        return kind_of_file(file) == "image"
    except DataError:
        return False  # reported when its turn comes


def _parent(files: Sequence[str]) -> str:
    """The folder that holds all files."""
    if is_remote(files[0]):
        scheme = files[0].partition("://")[0]
        paths = [os.path.dirname(file.partition("://")[2]) for file in files]
        return f"{scheme}://{os.path.commonpath(paths)}"
    return os.path.commonpath([os.path.abspath(os.path.dirname(file)) for file in files])


def _once(found: Iterable[Named]) -> list[Named]:
    """Each source once, however often it is named."""
    once: dict[tuple[str, bool], Named] = {}
    for one in found:
        place = one.place if is_address(one.place) or is_demo(one.place) else os.path.abspath(one.place)
        once.setdefault((place, one.images), one)
    return list(once.values())
