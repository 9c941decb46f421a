"""Verbs that read files one by one and write a file for each of them to a folder."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rtmcli.cli.command import Given
from rtmcli.cli.folder_job import fill_folder, job_settings, open_folder, plan_job
from rtmcli.cli.job_options import JobOptions
from rtmcli.formats.format import FOLDER, Conversion, Format
from rtmcli.jobs.plan import plan_file
from rtmcli.jobs.run import in_this_process
from rtmcli.jobs.sources import Named, file_sources, record_sources
from rtmcli.jobs.unit import Counts, Unit, Work
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import read_frames, write_frames


class FrameCounter:
    """Counts frames, and the people in them, as they pass."""

    def __init__(self) -> None:
        self.frames = self.people = 0

    def count(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Pass the frames on."""
        for frame in frames:
            self.frames += 1
            self.people += len(frame.instances)
            yield frame

    @property
    def counts(self) -> Counts:
        """What has passed."""
        return Counts(self.frames, self.people)


def run_record_job(
    files: Sequence[str],
    change: Callable[[Iterator[Frame]], Iterable[Frame]],
    output: str,
    options: JobOptions,
    given: Given,
    *,
    label: str,
) -> None:
    """Write the records of each file, changed, to a file of the folder."""

    def work(unit: Unit, path: Path) -> Counts:
        counter = FrameCounter()
        with path.open("wb") as out:
            write_frames(counter.count(iter(change(read_frames(unit.source)))), out)
        return counter.counts

    run_file_job(record_sources(files), work, output, options, given, suffix=".jsonl", label=label)


def convert_each(
    files: Sequence[str],
    frames_of: Callable[[Sequence[str]], Iterator[Frame]],
    target: Format,
    conversion: Conversion,
    output: str,
    options: JobOptions,
    given: Given,
) -> None:
    """Write each file in another format to a file (or folder) of its own.

    Args:
        frames_of: the frames of files, translated.
    """

    def work(unit: Unit, path: Path) -> Counts:
        counter = FrameCounter()
        assert target.write is not None
        target.write(counter.count(frames_of([unit.source])), str(path), conversion)
        return counter.counts

    extensions = [extension for extension in target.extensions if extension != FOLDER]
    suffix = "" if target.folder else (*extensions, target.usual_extension)[0]
    run_file_job(file_sources(files), work, output, options, given, suffix=suffix, label="convert")


def draw_each(
    files: Sequence[str],
    draw: Callable[[Iterator[Frame], str], None],
    output: str,
    options: JobOptions,
    given: Given,
    *,
    suffix: str,
) -> None:
    """Draw the frames of each record file into a file of its own."""

    def work(unit: Unit, path: Path) -> Counts:
        counter = FrameCounter()
        draw(counter.count(read_frames(unit.source)), str(path))
        return counter.counts

    run_file_job(record_sources(files), work, output, options, given, suffix=suffix, label="draw")


def run_file_job(
    found: Sequence[Named],
    work: Work,
    output: str,
    options: JobOptions,
    given: Given,
    *,
    suffix: str,
    label: str,
) -> None:
    """Do each file by itself and write the result to a file of the folder with this suffix."""
    folder = open_folder(output)
    sources = plan_job(found, folder, job_settings(label, given), options, plan_file, suffix=suffix)
    fill_folder(sources, folder, in_this_process(folder, lambda: work), options, label=label)
