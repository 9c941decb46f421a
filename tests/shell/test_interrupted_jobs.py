"""A job that is interrupted or killed leaves whole files, and `--resume` brings the bytes of an undisturbed run."""

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.helpers.jobs import contents, write_clips

JOB = ["rtm", "detect", "clips", "-o", "out"]


def start(folder: Path, environment: dict[str, str], *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*JOB, *options], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def undisturbed(folder: Path, environment: dict[str, str]) -> dict[str, bytes]:
    subprocess.run(
        [*JOB[:-1], "whole"], cwd=folder, env=environment, capture_output=True, timeout=300
    )  # fmt: skip
    return contents(folder / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_job_that_is_ended_by_a_signal_can_be_resumed(
    tmp_path: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    write_clips(tmp_path / "clips", 4, frames=12)
    process = start(tmp_path, environment)
    assert process.stdout is not None and process.stderr is not None
    first = json.loads(process.stdout.readline())
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == -number and not error
    left = contents(tmp_path / "out")
    assert first["status"] == "done" and 1 <= len(left) < 4
    assert {name: data.count(b"\n") for name, data in left.items()} == dict.fromkeys(left, 12)
    again = start(tmp_path, environment, "--resume")
    out, _ = again.communicate(timeout=120)
    statuses = [json.loads(line)["status"] for line in out.splitlines()]
    assert again.returncode == 0 and statuses == ["skipped"] * len(left) + ["done"] * (4 - len(left))
    assert contents(tmp_path / "out") == undisturbed(tmp_path, environment)
    assert not (tmp_path / "out/.part").exists()


@pytest.mark.slow
def test_forty_clips_killed_three_times_come_out_as_undisturbed(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    write_clips(tmp_path / "clips", 40, frames=60, broken=(7, 23))
    draw = random.Random(21)
    for attempt in range(3):
        process = start(tmp_path, environment, *["--resume"] * (attempt > 0))
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(draw.uniform(1, 5))
        process.kill()
        process.communicate(timeout=60)
        assert len(contents(tmp_path / "out")) < 38
    last = start(tmp_path, environment, "--resume")
    out, error = last.communicate(timeout=300)
    assert last.returncode == 3 and len(out.splitlines()) == 40
    assert b"2 of 40 sources failed: clips/07.mp4: " in error and b"clips/23.mp4: " in error
    assert contents(tmp_path / "out") == undisturbed(tmp_path, environment)
    for broken in ("07", "23"):
        (tmp_path / f"clips/{broken}.mp4").unlink()
    began = time.monotonic()
    idle = start(tmp_path, environment, "--resume")
    idle.communicate(timeout=60)
    print(f"{time.monotonic() - began:.2f} s to skip 38 finished sources")
    assert idle.returncode == 0
