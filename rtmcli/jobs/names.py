"""Names of the output files: one a source, unique, in the subfolders of the sources."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from rtmcli.errors import UsageError
from rtmcli.jobs.unit import PART
from rtmcli.media.names import is_address, record_name

DEFAULT_TEMPLATE = "{folder}/{stem}"
FIELDS = ("stem", "name", "folder", "number")


def output_names(
    sources: Sequence[str], *, suffix: str, template: str | None = None, taken: Sequence[str] = ()
) -> list[str]:
    """A file name for each source, relative to the output folder.

    Args:
        sources: paths and addresses.
        suffix: appended where the template gives no such suffix itself: `.jsonl`.
        template: with the fields `{stem}`, `{name}` (stem and suffix), `{folder}` (below the folder that all sources
            share) and `{number}` (from 1). By default `{folder}/{stem}`, or `{folder}/{name}` for sources that differ
            in their suffix alone.
        taken: names that other sources have.

    Raises:
        UsageError: an unknown field, a name outside the folder, or two sources with one name.
    """
    places = _below_common_folder([_place(source) for source in sources])
    if template is not None:
        names = [_filled(template, place, number, suffix) for number, place in enumerate(places, 1)]
    else:
        names = [_filled(DEFAULT_TEMPLATE, place, 0, suffix) for place in places]
        count = Counter([*names, *taken])
        names = [
            name if count[name] == 1 else _filled("{folder}/{name}", place, 0, suffix)
            for name, place in zip(names, places, strict=True)
        ]
    owner: dict[str, str] = {}
    for name, source in zip(names, sources, strict=True):
        if name in taken or name in owner:
            other = f"{owner[name]} and {source}" if name in owner else f"{source} and an earlier source"
            raise UsageError(
                f"{other} would both be written to {name}; tell them apart with --name, for example "
                "--name '{number}-{stem}'"
            )
        owner[name] = source
    return names


def _place(source: str) -> PurePosixPath:
    """Where a source lies, as a path from the root."""
    if is_address(source):
        parts = urlsplit(source)
        return PurePosixPath(
            "/", parts.scheme, parts.netloc.rpartition("@")[2], parts.path.strip("/") or "stream"
        )
    return PurePosixPath(record_name(os.path.abspath(source.rstrip("/") or source)))


def _below_common_folder(places: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    common = os.path.commonpath([str(place.parent) for place in places]) if places else "/"
    return [place.relative_to(common) for place in places]


def _filled(template: str, place: PurePosixPath, number: int, suffix: str) -> str:
    folder = place.parent.as_posix()
    values = {"stem": place.stem, "name": place.name, "folder": folder, "number": str(number)}
    try:
        text = template.format_map(values)
    except (KeyError, ValueError, IndexError, AttributeError):
        listed = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise UsageError(f"--name {template!r}: expected a name with fields among {listed}") from None
    name = PurePosixPath(text)
    if name.is_absolute() or ".." in name.parts or not name.parts or name.parts[0] == PART:
        raise UsageError(f"--name {template!r} gives {text!r}, which is not in the output folder")
    return name.as_posix() if suffix and name.suffix == suffix else f"{name.as_posix()}{suffix}"
