"""Run a job: do the units that are missing, join those of one source, report each source that is finished."""

import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import orjson

from rtmcli.errors import DataError, MissingError, RtmError
from rtmcli.jobs.folder import Folder, OutputError
from rtmcli.jobs.join import join
from rtmcli.jobs.shards import Shard, units_of_shard
from rtmcli.jobs.unit import PART, Counts, Outcome, Source, Unit, Work
from rtmcli.records.frame import Frame
from rtmcli.terminal.progress import Progress

# Does units, in any order; asks before each whether it is still wanted.
Execute = Callable[[Sequence[Unit], Callable[[Unit], bool]], Generator[Outcome, None, None]]
# Changes the frames of a source that was done in several units, once they are together.
Finish = Callable[[Iterable[Frame]], Iterator[Frame]]

# Failed sources named in the last error message; the folder has the others.
_NAMED = 10


def run_job(
    sources: Sequence[Source],
    folder: Folder,
    execute: Execute,
    *,
    report: Callable[[dict[str, Any]], None],
    bar: Progress,
    finish: Finish | None = None,
    shard: Shard | None = None,
    done: Callable[[Outcome], object] = lambda outcome: None,
    stop_on_error: bool = False,
) -> None:
    """Bring every source to its file in the folder.

    Args:
        execute: does the units, in this process or elsewhere.
        report: gets a line for each source: source, output, frames, people, seconds, status; the error where it failed.
        bar: counts frames.
        finish: for sources in several units.
        shard: do the units of this shard alone, and leave it to a run without shards to join them.
        done: called for each unit.
        stop_on_error: end with the first source that fails.

    Raises:
        DataError: sources failed: the first one at once (`stop_on_error`), else all of them at the end.
    """
    run = _Run(folder, report, finish, joins=shard is None, stop_on_error=stop_on_error)
    finished = folder.names()
    units = [unit for source in sources for unit in source.units]
    own = units if shard is None else units_of_shard(units, shard)
    files: dict[str, set[str]] = {}
    for unit in own:
        files.setdefault(unit.output, set()).add(unit.file)
    for source in sources:
        if source.output in files and source.output in finished:
            run.skip(source)
        elif source.output in files:
            run.begin(source, files[source.output] - finished)
    own = [unit for unit in own if run.lacks(unit)]
    bar.total = sum(unit.length for unit in own)
    with closing(execute(own, run.wants)) as outcomes:
        for outcome in outcomes:
            bar.advance(outcome.unit.length, people=outcome.counts.people)
            done(outcome)
            run.take(outcome)
    if run.failed:
        raise DataError(_failures(run.failed, len(files), folder))
    if shard is None and not _is_needed(folder.names()):
        folder.remove(PART)


def do_unit(folder: Folder, work: Work, unit: Unit) -> Outcome:
    """Do one unit in this process. An error of the source is an outcome.

    Raises:
        OutputError: the result cannot be written.
        MissingError: something is not installed.
    """
    started = time.monotonic()
    try:
        with folder.publishing(unit.file) as path:
            try:
                counts = work(unit, path)
            except OSError as error:
                raise OutputError(f"cannot write {folder.address(unit.file)}: {error.strerror}") from None
    except (OutputError, MissingError):
        raise
    except RtmError as error:
        return Outcome(unit=unit, seconds=time.monotonic() - started, error=" ".join(str(error).split()))
    return Outcome(unit=unit, counts=counts, seconds=time.monotonic() - started)


def in_this_process(folder: Folder, open_work: Callable[[], Work]) -> Execute:
    """Does units one after the other. The networks are opened for the first, so that a finished job opens none."""

    def execute(units: Sequence[Unit], wanted: Callable[[Unit], bool]) -> Generator[Outcome, None, None]:
        work: Work | None = None
        for unit in units:
            if wanted(unit):
                work = work or open_work()
                yield do_unit(folder, work, unit)

    return execute


@dataclass(slots=True)
class _State:
    """What came of a source so far.

    Attributes:
        missing: the files of units that are still to be done here.
        counts: of the units that were done here.
        error: the reason if it failed.
    """

    source: Source
    missing: set[str]
    counts: Counts = field(default_factory=lambda: Counts(0, 0))
    seconds: float = 0.0
    error: str | None = None


@dataclass(slots=True)
class _Run:
    """The sources of a job that are not finished."""

    folder: Folder
    report: Callable[[dict[str, Any]], None]
    finish: Finish | None
    joins: bool
    stop_on_error: bool
    failed: list[tuple[Source, str]] = field(default_factory=list)
    states: dict[str, _State] = field(default_factory=dict)  # by output

    def skip(self, source: Source) -> None:
        """A source was finished before."""
        self._line(source, status="skipped")

    def begin(self, source: Source, missing: set[str]) -> None:
        """A source is to be done; the files of these units are missing, which may be none."""
        state = self.states[source.output] = _State(source, missing)
        if not missing:
            self._complete(state)

    def lacks(self, unit: Unit) -> bool:
        """Whether the file of a unit is missing."""
        return unit.output in self.states and unit.file in self.states[unit.output].missing

    def wants(self, unit: Unit) -> bool:
        """Whether a unit should still be done: its source has not failed."""
        return self.states[unit.output].error is None

    def take(self, outcome: Outcome) -> None:
        """A unit was done."""
        state = self.states[outcome.unit.output]
        state.seconds += outcome.seconds
        if state.error is not None:
            return
        if outcome.error is not None:
            self._fail(state, outcome.error)
            return
        state.missing.discard(outcome.unit.file)
        state.counts += outcome.counts
        if not state.missing:
            self._complete(state)

    def _complete(self, state: _State) -> None:
        """All units that are done here are there: join them, and report the source."""
        source, counts, status = state.source, state.counts, "done"
        if source.units[0].span is not None and not self.joins:
            status = "part"
        elif source.units[0].span is not None:
            started = time.monotonic()
            try:
                counts = join(source, self.folder, self.finish)
            except DataError as error:
                self._fail(state, str(error))
                return
            state.seconds += time.monotonic() - started
        self.folder.remove(_failure_file(source))
        self._line(
            source,
            frames=counts.frames,
            people=counts.people,
            seconds=round(state.seconds, 3),
            status=status,
        )

    def _fail(self, state: _State, error: str) -> None:
        state.error = error
        source = state.source
        self.failed.append((source, error))
        line = self._line(source, status="failed", error=error)
        with self.folder.publishing(_failure_file(source)) as path:
            path.write_bytes(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        if self.stop_on_error:
            raise DataError(_named(source, error))

    def _line(self, source: Source, **found: Any) -> dict[str, Any]:
        line = {"source": source.name, "output": self.folder.address(source.output), **found}
        self.report(line)
        return line


def _is_needed(names: set[str]) -> bool:
    """Whether `.part` holds units or failures of sources that are not finished: those of other runs of the job."""
    units = (re.fullmatch(rf"{re.escape(PART)}/units/(.+)/\d+-\d+\.jsonl", name) for name in names)
    unfinished = any(unit is not None and unit[1] not in names for unit in units)
    return unfinished or any(re.fullmatch(rf"{re.escape(PART)}/failed/.+\.json", name) for name in names)


def _failure_file(source: Source) -> str:
    return f"{PART}/failed/{source.output}.json"


def _failures(failed: Sequence[tuple[Source, str]], count: int, folder: Folder) -> str:
    named = "; ".join(_named(source, error) for source, error in failed[:_NAMED])
    more = (
        f"; and {len(failed) - _NAMED} more, in {folder.address(f'{PART}/failed')}"
        if len(failed) > _NAMED
        else ""
    )
    return f"{len(failed)} of {count} sources failed: {named}{more}; --resume tries them again"


def _named(source: Source, error: str) -> str:
    return error if source.name in error else f"{source.name}: {error}"
