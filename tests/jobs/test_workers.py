"""Units done by several processes, some of which die."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rtmcli.errors import DataError, MissingError
from rtmcli.jobs.folder import LocalFolder
from rtmcli.jobs.run import run_job
from rtmcli.jobs.unit import Source, Span
from rtmcli.jobs.workers import in_processes
from rtmcli.terminal.progress import progress
from tests.helpers.job_work import open_nothing, open_work, records, source

SPANS = tuple(Span(first=4 * number, frames=4) for number in range(4))


def run(tmp_path: Path, sources: list[Source], *, workers: int = 2) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    (tmp_path / "marks").mkdir(exist_ok=True)
    folder = LocalFolder(str(tmp_path / "out"))
    execute = in_processes(folder, partial(open_work, tmp_path / "marks"), workers)
    run_job(sources, folder, execute, report=lines.append, bar=progress())
    return lines


def test_several_processes_share_the_units(tmp_path: Path) -> None:
    long = source("long", *SPANS)
    lines = run(tmp_path, [long, source("a"), source("b")])
    assert sorted(line["source"] for line in lines) == ["a", "b", "long"]
    assert (tmp_path / "out/long.jsonl").read_bytes() == b"".join(map(records, long.units))
    marks = [mark.name.split("-")[-2] for mark in (tmp_path / "marks").iterdir()]
    assert len(marks) == 6 and 1 <= len(set(marks)) <= 2 and str(os.getpid()) not in marks


def test_a_process_that_dies_is_replaced_and_its_unit_done_again(tmp_path: Path) -> None:
    once = source("once", *SPANS)
    lines = run(tmp_path, [once, source("a")])
    assert {line["status"] for line in lines} == {"done"}
    assert (tmp_path / "out/once.jsonl").read_bytes() == b"".join(map(records, once.units))
    assert len(list((tmp_path / "marks").glob("*once*"))) == 8


def test_a_unit_on_which_processes_die_three_times_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 of 2 sources failed: deadly: its process was killed 3 times"):
        run(tmp_path, [source("deadly"), source("a")])
    assert len(list((tmp_path / "marks").glob("deadly*"))) == 3
    assert (tmp_path / "out/a.jsonl").exists() and not (tmp_path / "out/deadly.jsonl").exists()


def test_what_is_missing_in_a_process_ends_the_job(tmp_path: Path) -> None:
    folder = LocalFolder(str(tmp_path))
    with pytest.raises(MissingError, match="the model is missing"):
        run_job(
            [source("a")],
            folder,
            in_processes(folder, open_nothing, 2),
            report=lambda line: None,
            bar=progress(),
        )


PARENT = """
import sys
from pathlib import Path
from tests.jobs.test_workers import run, source
if __name__ == "__main__":
    run(Path(sys.argv[1]), [source("slow-1"), source("slow-2")])
"""


def test_processes_end_with_their_parent(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"), str(tmp_path)], env={**os.environ, "PYTHONPATH": paths}
    )
    marks = tmp_path / "marks"
    deadline = time.monotonic() + 60
    while not marks.is_dir() or len(list(marks.iterdir())) < 2:
        assert parent.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    workers = [int(mark.name.split("-")[-2]) for mark in marks.iterdir()]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while any(Path(f"/proc/{process}").exists() for process in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
