"""Eight RTSP streams through one pair of networks get the same rate, beside one that goes silent."""

import json
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmcli.media.source_names import DEMO
from tests.helpers import gstreamer
from tests.helpers.clips import write_clip
from tests.helpers.rtsp_server import serve_rtsp

STREAMS = 8
RECORDS = 100 * STREAMS  # enough to tell rates apart, after which the run is ended
SECONDS = 240  # of the streams: a busy machine may need so long


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[list[str]]:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    clip = tmp_path / "long.mp4"
    loop = ["-stream_loop", "-1", "-i", str(DEMO), "-t", str(SECONDS), "-c:v", "copy", "-an", str(clip)]
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *loop], check=True, timeout=60)
    with gstreamer.serve([clip] * STREAMS) as port:
        yield [f"rtsp://127.0.0.1:{port}/{number}" for number in range(STREAMS)]


@pytest.mark.slow
def test_eight_rtsp_streams_get_the_same_rate_and_a_silent_one_holds_nobody_up(
    tmp_path: Path, environment: dict[str, str], addresses: list[str]
) -> None:
    short = write_clip(tmp_path / "a.ts", 30, noise=20).read_bytes()
    with serve_rtsp(short, end="silence") as silent:
        cameras = [f"cam{number} = {address}\n" for number, address in enumerate([*addresses, silent])]
        (tmp_path / "cams.txt").write_text("".join(cameras))
        command = ["rtm", "pose", "cams.txt", "--report", "report.jsonl"]
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        counts: Counter[str] = Counter()
        began = 0.0
        longest, last = 0.0, 0.0
        for line in process.stdout:
            source = json.loads(line)["source"]
            counts[source] += 1
            now = time.monotonic()
            began = began or now
            longest = max(longest, now - (last or now))
            last = now
            if sum(counts.values()) >= RECORDS or now - began > SECONDS - 60:
                break
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == -signal.SIGINT, error
    silent_one = counts.pop(f"cam{STREAMS}")
    mean = sum(counts.values()) / STREAMS
    rates = {source: round(count / (last - began), 2) for source, count in sorted(counts.items())}
    print(f"records a second: {rates}; longest pause {longest:.2f} s; silent: {silent_one} records")
    assert len(counts) == STREAMS and mean >= 10
    assert all(0.8 * mean <= count <= 1.2 * mean for count in counts.values())
    assert silent_one < 30
