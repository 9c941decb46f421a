"""`--report` appends a line per source every few seconds; SIGUSR1 prints the same, also while a stream is silent."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import RtmError, UsageError
from rtmcli.terminal import run_report as module
from rtmcli.terminal import run_stats
from rtmcli.terminal.run_report import run_report
from rtmcli.terminal.run_stats import RunStats
from tests.helpers.clips import numbered, write_clip
from tests.helpers.jobs import write_clips
from tests.helpers.rtsp_server import serve_rtsp

Lines = list[dict]


def lines_of(path: Path) -> Lines:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_image(path: Path) -> Path:
    cv2.imwrite(str(path), numbered(1))
    return path


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(run_stats.time, "monotonic", moved)
    return moved


def test_a_line_has_the_totals_and_the_rate_since_the_line_before(clock: Clock) -> None:
    stats = RunStats()
    stats.expect("door")
    for number in range(40):
        stats.count("door", people=2, at=number / 20, dropped=1)
    clock.now += 2
    (line,) = stats.lines()
    assert (line["source"], line["frames"], line["fps"], line["dropped"]) == ("door", 40, 20.0, 40)
    assert (line["people"], line["people_last"], line["time"], line["age"]) == (80, 2, 39 / 20, 2.0)
    assert line["memory"] > 1e6 and line["utc"].endswith("Z")
    stats.count("door", people=1, at=9.5, gap=7.5)
    clock.now += 4
    (line,) = stats.lines()
    assert (line["frames"], line["fps"], line["people_last"]) == (41, 0.25, 1)
    assert (line["gaps"], line["gap_seconds"]) == (1, 7.5)


def test_a_silent_live_source_has_lines_and_a_finished_file_has_no_more(clock: Clock) -> None:
    stats = RunStats()
    stats.expect("door")
    stats.count("a.mp4", people=3, at=0.0)
    clock.now += 10
    door, file = stats.lines()
    assert (door["source"], door["frames"], door["fps"], door["age"]) == ("door", 0, 0.0, None)
    assert (file["source"], file["frames"]) == ("a.mp4", 1)
    clock.now += 10
    assert [line["source"] for line in stats.lines()] == ["door"]


def test_the_state_of_a_connection_is_told(clock: Clock) -> None:
    stats, state = RunStats(), SimpleNamespace(connected=True, reconnects=0)
    stats.expect("door", state)
    clock.now += 1
    assert "not connected" not in stats.text()[1]
    state.connected = False
    (line,) = stats.lines()
    assert (line["connected"], line["reconnects"]) == (False, 0)
    assert stats.text()[1].startswith("door: not connected, 0 frames, ")
    state.connected, state.reconnects = True, 1
    (line,) = stats.lines()
    assert (line["connected"], line["reconnects"]) == (True, 1)


def test_the_text_gives_the_rate_of_the_last_interval(clock: Clock) -> None:
    stats = RunStats()
    stats.expect("door")
    clock.now += 10
    stats.lines()
    for _ in range(50):
        stats.count("door", people=1)
    clock.now += 10
    stats.lines()
    clock.now += 1
    head, door = stats.text()
    assert head.split(": ")[1].startswith("50 frames in 21 s, ")
    assert door == (
        "door: 50 frames, 4.5 fps, 1 person in the last frame, last frame 11.0 s ago, dropped: 0, gaps: 0 (0.0 s)"
    )


def test_a_report_is_appended_every_interval_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.05)
    file, stats = tmp_path / "report.jsonl", RunStats()
    file.write_text('{"of":"an earlier run"}\n')
    stats.expect("door")
    with run_report(stats, str(file), label="pose"):
        stats.count("door", people=1)
        deadline = time.monotonic() + 10
        while len(lines_of(file)) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        file.rename(tmp_path / "report.jsonl.1")  # as logrotate does
    assert len(lines_of(tmp_path / "report.jsonl.1")) >= 3
    assert lines_of(tmp_path / "report.jsonl.1")[0] == {"of": "an earlier run"}
    assert lines_of(file)[-1]["frames"] == 1


def test_a_report_that_cannot_be_written_is_an_error_before_the_run(tmp_path: Path) -> None:
    with (
        pytest.raises(RtmError, match=r"--report .*no/r.jsonl: cannot write it: No such file"),
        run_report(RunStats(), str(tmp_path / "no/r.jsonl"), label="pose"),
    ):
        pass


def test_standard_output_is_for_records_and_takes_no_report() -> None:
    with (
        pytest.raises(UsageError, match="name a file, or /dev/stderr"),
        run_report(RunStats(), "-", label="pose"),
    ):
        pass


def test_a_disk_that_is_full_later_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.01)
    folder, stats = tmp_path / "disk", RunStats()
    folder.mkdir()
    stats.expect("door")
    with run_report(stats, str(folder / "r.jsonl"), label="pose"):
        (folder / "r.jsonl").unlink()
        folder.rmdir()
        time.sleep(0.1)
    assert capsys.readouterr().err == (
        f"rtm: --report {folder}/r.jsonl: lines are missing: No such file or directory; the run goes on\n"
    )


def test_the_report_of_a_verb_agrees_with_its_records(tmp_path: Path) -> None:
    report, out = tmp_path / "report.jsonl", tmp_path / "out.jsonl"
    clip = write_clip(tmp_path / "a.mp4", 5)
    image = write_image(tmp_path / "b.png")
    assert main(["detect", str(clip), str(image), str(image), "--report", str(report), "-o", str(out)]) == 0
    records = lines_of(out)
    lines = {line["source"]: line for line in lines_of(report)}
    assert (lines[str(clip)]["frames"], lines[str(clip)]["time"]) == (5, 4 / 25)
    assert lines[None]["frames"] == 2
    assert sum(line["people"] for line in lines.values()) == sum(len(r["instances"]) for r in records)


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_the_report_of_a_folder_has_a_line_for_each_source(tmp_path: Path, workers: tuple[str, ...]) -> None:
    write_clips(tmp_path / "clips", 2, frames=4)
    report = tmp_path / "report.jsonl"
    job = ["detect", str(tmp_path / "clips"), "-o", str(tmp_path / "out"), "--report", str(report)]
    assert main([*job, *workers]) == 0
    last = {line["source"]: line["frames"] for line in lines_of(report)}
    assert last == {str(tmp_path / f"clips/0{number}.mp4"): 4 for number in range(2)}


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "rtmcli", *arguments], env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def asked(process: subprocess.Popen[bytes], lines: int) -> list[str]:
    """What the process prints at SIGUSR1."""
    assert process.stderr is not None
    process.send_signal(signal.SIGUSR1)
    assert select.select([process.stderr], [], [], 20)[0], "nothing was printed"
    return [process.stderr.readline().decode() for _ in range(lines)]


def test_sigusr1_prints_while_a_stream_is_silent_and_the_run_goes_on(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    stream = write_clip(tmp_path / "a.ts", 30, noise=20).read_bytes()
    with serve_rtsp(stream, end="silence") as address:
        process = start(environment, "detect", address, "-q", "--report", str(tmp_path / "r.jsonl"))
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(1)  # the rest of the stream
        head, door = asked(process, 2)
        assert " frames in " in head and door.startswith(f"rtm detect: {address}: ")
        again = asked(process, 2)[1]
        assert again.split(",")[0] == door.split(",")[0], "no frame came in between"
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out = process.communicate(timeout=30)[0]
    assert process.returncode == -signal.SIGINT
    last = lines_of(tmp_path / "r.jsonl")[-1]
    assert last["frames"] == out.count(b"\n") + 1 and last["connected"] is True


def test_sigusr1_prints_while_a_stream_is_being_opened(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = start(environment, "detect", f"rtsp://127.0.0.1:{server.getsockname()[1]}/silent")
        connection, _ = server.accept()
        with connection:
            (line,) = asked(process, 1)
            assert line.startswith("rtm detect: ") and ": 0 frames in " in line
            assert process.poll() is None
            process.kill()
            process.communicate(timeout=30)


def test_signals_are_as_before_when_the_run_has_ended(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    assert main(["detect", str(write_image(tmp_path / "b.png")), "-o", os.devnull]) == 0
    assert signal.getsignal(signal.SIGUSR1) == before
    assert signal.set_wakeup_fd(-1) == -1
