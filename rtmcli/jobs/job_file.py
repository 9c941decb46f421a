"""`job.json` in the output folder: what the job was started with, its sources and their units."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from rtmcli.errors import DataError, UsageError
from rtmcli.jobs.folder import Folder
from rtmcli.jobs.unit import Source, Span, Unit

JOB_FILE = "job.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the bytes of a job's files depend on, beside the sources.

    Attributes:
        version: of rtm. verb: that writes the files.
        options: name -> value as given, defaults included.
        models: role -> SHA-256 of the file.
    """

    version: str
    verb: str
    options: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)


def read_job(folder: Folder) -> tuple[Settings, list[Source]]:
    """The settings and the sources of the job in a folder. Raises DataError where `job.json` is not one."""
    name = folder.address(JOB_FILE)
    with folder.open(JOB_FILE) as stream:
        content = stream.read()
    try:
        data = orjson.loads(content)
        settings = Settings(**data["settings"])
        sources = [_source(one) for one in data["sources"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{name}: not the job file of this version of rtm ({error}); name another folder"
        ) from None
    return settings, sources


def write_job(folder: Folder, settings: Settings, sources: Sequence[Source]) -> None:
    """Write `job.json`. Processes that start at the same time write the same bytes."""
    data = {"settings": asdict(settings), "sources": [_source_data(one) for one in sources]}
    with folder.publishing(JOB_FILE) as path:
        path.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def check_same(found: Settings, wanted: Settings, folder: Folder) -> None:
    """Raise UsageError, naming the first difference, where a folder was made with other settings."""
    difference = next(_differences(found, wanted), None)
    if difference is not None:
        raise UsageError(
            f"{folder.address()} was made with {difference}; use the same to resume, or name another folder"
        )


def check_unchanged(found: Iterable[Source], sizes: Mapping[str, int | None], folder: Folder) -> None:
    """Raise UsageError for a source whose size is not the one that the job began with."""
    for source in found:
        size = sizes.get(source.name)
        if size is not None and source.size is not None and size != source.size:
            raise UsageError(
                f"{source.name} has changed since {folder.address()} was begun: {size} "
                f"{'images' if source.units[0].images else 'bytes'} instead of {source.size}; name another folder"
            )


def _differences(found: Settings, wanted: Settings) -> Iterator[str]:
    if found.version != wanted.version:
        yield f"rtm {found.version}, not {wanted.version}"
    if found.verb != wanted.verb:
        yield f"'rtm {found.verb}', not 'rtm {wanted.verb}'"
    # As they come back from the file: tuples are lists there.
    options = orjson.loads(orjson.dumps(wanted.options))
    for name in sorted({*found.options, *options}):
        before, now = found.options.get(name), options.get(name)
        if before != now:
            yield f"--{name.replace('_', '-')} {_shown(before)}, not {_shown(now)}"
    for role in sorted({*found.models, *wanted.models}):
        if found.models.get(role) != wanted.models.get(role):
            yield f"another {role} (its file has another SHA-256)"


def _shown(value: Any) -> str:
    return "its default" if value is None else str(value)


def _source_data(source: Source) -> dict[str, Any]:
    units = []
    for unit in source.units:
        data: dict[str, Any] = {"length": unit.length}
        if unit.images:
            data["images"] = True
        if unit.span is not None:
            data["span"] = {name: value for name, value in asdict(unit.span).items() if value is not None}
        units.append(data)
    return {"source": source.name, "output": source.output, "size": source.size, "units": units}


def _source(data: Mapping[str, Any]) -> Source:
    units = [
        Unit(
            source=data["source"],
            output=data["output"],
            images=unit.get("images", False),
            length=unit["length"],
            span=_span(unit["span"]) if "span" in unit else None,
        )
        for unit in data["units"]
    ]
    return Source(name=data["source"], output=data["output"], size=data["size"], units=tuple(units))


def _span(data: Mapping[str, Any]) -> Span:
    keyframes = tuple((tick, number) for tick, number in data["keyframes"])
    return Span(**{**data, "keyframes": keyframes})
