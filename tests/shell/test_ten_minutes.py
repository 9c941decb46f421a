"""A video of ten minutes gives the same bytes in one piece, by two workers, in three shards and on a Ray cluster."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from rtmcli.media.source_names import DEMO

SECONDS = 600
UNIT = 20
PYTHON_WITH_RAY = importlib.util.find_spec("ray") is not None


@pytest.mark.slow
def test_a_long_video_gives_the_bytes_of_one_piece_in_every_way(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    loop = ["-stream_loop", "-1", "-i", str(DEMO), "-t", str(SECONDS), "-c:v", "copy", "-an", "long.mp4"]
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *loop], check=True, cwd=tmp_path, timeout=60)

    def run(folder: str, *options: str) -> None:
        job = ["rtm", "pose", "long.mp4", "--det-every", "3", "-o", folder, *options]
        done = subprocess.run(job, cwd=tmp_path, env=environment, capture_output=True, timeout=7200)
        assert done.returncode == 0, done.stderr
        print(folder, options, json.loads(done.stdout.splitlines()[-1]))

    in_units = ["--unit", str(UNIT)]
    run("piece", "--unit", "0")
    run("workers", *in_units, "--workers", "2")
    for shard in (1, 2, 3):
        run("shards", *in_units, "--shard", f"{shard}/3")
    run("shards", *in_units, "--resume")
    if PYTHON_WITH_RAY:
        run("ray", *in_units, "--workers", "2", "--ray", "local")
    piece = (tmp_path / "piece/long.jsonl").read_bytes()
    assert piece.count(b"\n") >= SECONDS * 25  # copied packets end a few frames later
    for folder in ("workers", "shards", *(["ray"] if PYTHON_WITH_RAY else [])):
        assert (tmp_path / folder / "long.jsonl").read_bytes() == piece, folder
