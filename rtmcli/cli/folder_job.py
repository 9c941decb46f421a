"""What verbs with `-o FOLDER` share: `job.json`, a line for each source on standard output, the progress bar."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from rtmcli import __version__
from rtmcli.cli.command import Given
from rtmcli.cli.job_options import CONNECTION_NAMES, MEDIA_JOB_NAMES, JobOptions
from rtmcli.errors import UsageError
from rtmcli.jobs.folder import Folder, LocalFolder
from rtmcli.jobs.job_file import JOB_FILE, Settings, check_same, check_unchanged, read_job, write_job
from rtmcli.jobs.names import output_names
from rtmcli.jobs.run import Execute, Finish, run_job
from rtmcli.jobs.shards import Shard
from rtmcli.jobs.sources import Named, source_size
from rtmcli.jobs.unit import Outcome, Source
from rtmcli.media.names import record_name
from rtmcli.media.remote import is_remote
from rtmcli.records.line_io import Sink
from rtmcli.terminal.progress import progress

# Options that leave the bytes of the files as they are.
_WITHOUT_EFFECT = frozenset(
    {*MEDIA_JOB_NAMES, "output", "jobs", "threads", "draw", "show", "browser", "report", *CONNECTION_NAMES}
    - {"unit"}
)


def open_folder(output: str) -> Folder:
    """The output folder, on a disk or in an object store."""
    if is_remote(output):
        from rtmcli.jobs.remote_folder import RemoteFolder

        return RemoteFolder(output)
    folder = LocalFolder(output)
    folder.remove_abandoned()
    return folder


def job_settings(verb: str, given: Given, models: Mapping[str, str] | None = None) -> Settings:
    """What the bytes of a verb's files depend on, beside their sources."""
    options = {
        name: record_name(value) if isinstance(value, str) else value
        for name, value in given.values.items()
        if name not in _WITHOUT_EFFECT
    }
    if "device" in options:
        # The processes of one job may each have a GPU of their own.
        options["device"] = options["device"].partition(":")[0]
    return Settings(version=__version__, verb=verb, options=options, models=models or {})


def plan_job(
    found: Sequence[Named],
    folder: Folder,
    settings: Settings,
    options: JobOptions,
    plan: Callable[[Named, str], Source],
    *,
    suffix: str,
    continues: bool = False,
) -> list[Source]:
    """The sources of a job: those of `job.json` as they were planned, and new ones. Writes `job.json`.

    Args:
        plan: the units of a source, given the name of its file.
        suffix: of the files.
        continues: whether a folder that is there is continued without `--resume`: shards begin in any order.

    Raises:
        UsageError: the folder holds a job and is not continued, or was made with other settings.
    """
    begun: dict[str, Source] = {}
    if JOB_FILE in folder.names():
        if not (options.resume or continues):
            raise UsageError(
                f"{folder.address()} holds a job already; continue it with --resume, or name another folder"
            )
        earlier, sources = read_job(folder)
        check_same(earlier, settings, folder)
        check_unchanged(sources, {one.name: source_size(one) for one in found}, folder)
        begun = {source.name: source for source in sources}
    new = [one for one in found if one.name not in begun]
    outputs = output_names(
        [one.place for one in new], suffix=suffix, template=options.name, taken=[s.output for s in begun.values()]
    )  # fmt: skip
    if not begun and not continues:
        _refuse_overwriting(folder, outputs)
    planned = {one.name: plan(one, output) for one, output in zip(new, outputs, strict=True)}
    if planned:
        write_job(folder, settings, [*begun.values(), *planned.values()])
    return [begun.get(one.name) or planned[one.name] for one in found]


def fill_folder(
    sources: Sequence[Source],
    folder: Folder,
    execute: Execute,
    options: JobOptions,
    *,
    label: str,
    finish: Finish | None = None,
    shard: Shard | None = None,
    done: Callable[[Outcome], object] = lambda outcome: None,
) -> None:
    """Run a job with a line for each source on standard output, at once; `done` is called for each unit."""
    with Sink("-") as out, progress(label=label) as bar:

        def report(line: dict[str, Any]) -> None:
            out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            out.flush()

        run_job(
            sources,
            folder,
            execute,
            report=report,
            bar=bar,
            finish=finish,
            shard=shard,
            done=done,
            stop_on_error=options.stop_on_error,
        )


def _refuse_overwriting(folder: Folder, outputs: Sequence[str]) -> None:
    there = folder.names()
    taken = next((name for name in outputs if name in there), None)
    if taken is not None:
        raise UsageError(
            f"{folder.address(taken)} exists and belongs to no job ({folder.address(JOB_FILE)} is missing); "
            "name another folder, or remove it"
        )
