"""Ctrl-C and SIGTERM are the normal end of a live run: what was written is kept, and nothing delays the end."""

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.helpers.live_server import Play, serve_images


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupt_keeps_the_records_of_a_live_source(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    records, drawn = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    with serve_images([Play(2000)]) as address:
        process = subprocess.Popen(
            ["rtm", "detect", address, "-o", records, "--draw", drawn],
            env=environment,
            stderr=subprocess.PIPE,
        )
        try:
            # The video is opened with the first record.
            until = time.monotonic() + 60
            while not any(path.suffix == ".mp4" for path in tmp_path.iterdir()) and time.monotonic() < until:
                time.sleep(0.05)
            time.sleep(0.5)
            process.send_signal(number)
            assert process.wait(30) == -number
            assert process.stderr is not None and process.stderr.read() == b""
        finally:
            process.kill()
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    assert lines and all(line["source"] == address and line["utc"].endswith("Z") for line in lines)
    assert {path.name for path in tmp_path.iterdir()} == {"out.jsonl", "out.mp4"}


def test_a_server_that_does_not_answer_does_not_delay_an_interrupt(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/live"
        process = subprocess.Popen(["rtm", "detect", address], env=environment, stderr=subprocess.PIPE)
        try:
            connection, _ = silent.accept()
            with connection:
                time.sleep(0.3)
                begin = time.monotonic()
                process.send_signal(signal.SIGINT)
                assert process.wait(30) == -signal.SIGINT
                assert time.monotonic() - begin < 5
        finally:
            process.kill()
