"""Filters on long streams: memory does not grow, and what they do is what the library does."""

import io
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from rtmcli import Frame, Instance, Smoother, Tracker, read_frames, write_frames
from rtmcli.filters.nms import pose_nms


def long_stream(path: Path, count: int, *, lanes: int = 1, stay: int = 200) -> Path:
    """People who walk up and down, new ones every `stay` frames."""
    rng = np.random.default_rng(0)

    def people(n: int) -> list[Instance]:
        found = []
        for lane in range(lanes):
            x = 100 + 4 * abs(n % 200 - 100)
            points = np.concatenate(
                [rng.normal([x, 200 + 300 * lane], 20, (17, 2)), np.full((17, 1), 0.8)], axis=1
            )
            box = np.array([x - 40, 120 + 300 * lane, x + 40, 280 + 300 * lane], np.float32)
            found.append(Instance(box=box, score=0.9, keypoints=points.astype(np.float32), label="person"))
        return found

    frames = (
        Frame("v.mp4", n, count, n / 30 + (n // stay) * 5, 1280, 720, "coco17", "m", people(n))
        for n in range(count)
    )
    write_frames(frames, path)
    return path


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("streams")
    return long_stream(folder / "short.jsonl", 1_000), long_stream(folder / "long.jsonl", 10_000)


def peak_megabytes(environment: dict[str, str], file: Path, verb: str, *options: str) -> float:
    with file.open("rb") as stdin:
        process = subprocess.Popen(
            ["rtm", verb, *options],
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


@pytest.mark.parametrize("verb", ["track", "smooth"])  # which keep a state; the others in the slow tests
def test_ten_thousand_frames_need_no_more_memory_than_a_thousand(
    environment: dict[str, str], streams: tuple[Path, Path], verb: str
) -> None:
    short, long = (peak_megabytes(environment, file, verb) for file in streams)
    assert long < short + 10


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour at 30 frames a second, in which the same five people are always there."""
    return long_stream(tmp_path_factory.mktemp("hour") / "hour.jsonl", 108_000, lanes=5, stay=108_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    ["track", "track --lookahead 1", "smooth", "angles --velocity", "nms", "convert --skeleton halpe26"],
)
def test_an_hour_needs_no_more_memory_than_a_minute(
    environment: dict[str, str], streams: tuple[Path, Path], hour: Path, command: str
) -> None:
    short, long = (peak_megabytes(environment, file, *command.split()) for file in (streams[0], hour))
    assert long < short + 10


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["track", "smooth"])
def test_an_hour_offline_needs_less_than_a_gigabyte(
    environment: dict[str, str], hour: Path, tmp_path: Path, verb: str
) -> None:
    write_frames(map(Tracker(), read_frames(hour)), tmp_path / "tracked.jsonl")
    assert peak_megabytes(environment, tmp_path / "tracked.jsonl", verb, "--offline") < 1000


def test_the_same_verbs_composed_in_python_give_the_same_bytes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    short = long_stream(tmp_path / "in.jsonl", 300, lanes=2)
    pipe = "rtm track | rtm smooth | rtm nms --oks 0.5"
    with short.open("rb") as stdin:
        shell = subprocess.run(
            ["bash", "-o", "pipefail", "-c", pipe],
            stdin=stdin,
            capture_output=True,
            env=environment,
            check=True,
        )
    tracker, smoother = Tracker(), Smoother()
    sink = io.BytesIO()
    made = (pose_nms(smoother(tracker(frame)), oks_threshold=0.5) for frame in read_frames(short))
    write_frames(made, sink)
    assert shell.stdout == sink.getvalue() and shell.stdout.count(b"\n") == 300
