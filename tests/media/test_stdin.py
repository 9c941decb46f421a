"""A container on a pipe: streamed where it can be, kept on disk first where its index stands at its end."""

import io
import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from rtmcli.errors import DataError
from rtmcli.media import open_media, stdin
from tests.helpers.clips import half, number_in, write_clip

READ = """
import sys
from rtmcli.media import open_media
for picture in open_media("-", max_frames=int(sys.argv[1])):
    print(picture.source, picture.frame, flush=True)
"""


class OneWay(io.RawIOBase):
    """Bytes that cannot seek, a thousand at a time at most, as a pipe gives them."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 1000) if size > 0 else size)


def through(data: bytes, most: int = 1000) -> subprocess.CompletedProcess[bytes]:
    """`open_media("-")` in a process that gets `data` through a pipe."""
    command = [sys.executable, "-c", READ, str(most)]
    return subprocess.run(command, input=data, capture_output=True, timeout=60)


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "fast.mp4", "plain.mp4"])
def test_every_container_is_read_from_a_pipe(tmp_path: Path, name: str) -> None:
    container = {"movflags": "+faststart"} if name == "fast.mp4" else {}
    done = through(write_clip(tmp_path / name, 40, container=container).read_bytes())
    assert done.returncode == 0 and done.stderr == b""
    assert done.stdout.decode().splitlines() == [f"- {number}" for number in range(40)]


def test_only_an_mp4_with_its_index_at_the_end_is_kept_on_disk(tmp_path: Path) -> None:
    plain = write_clip(tmp_path / "plain.mp4", 5)
    fast = write_clip(tmp_path / "fast.mp4", 5, container={"movflags": "+faststart"})
    streamed = write_clip(tmp_path / "a.mkv", 5)
    assert stdin.read_pipe(OneWay(plain.read_bytes())).seekable()
    for path in (fast, streamed):
        data = path.read_bytes()
        wrapped = stdin.read_pipe(OneWay(data))
        assert not wrapped.seekable() and b"".join(iter(partial(wrapped.read, 4096), b"")) == data
    with plain.open("rb") as stream:
        assert stdin.read_pipe(stream) is stream


def test_a_pipe_that_stays_open_gives_its_frames_as_they_come(tmp_path: Path) -> None:
    data = write_clip(tmp_path / "live.ts", 100, g="10", tune="zerolatency").read_bytes()
    command = [sys.executable, "-c", READ, "10"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdin.write(data)
        process.stdin.flush()  # and no end of file
        lines = [process.stdout.readline() for _ in range(10)]
        assert lines == [f"- {number}\n".encode() for number in range(10)]
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("data", [b"", b"hello", b"\0\0\0\x08ftyp"])
def test_what_is_no_video_is_one_sentence(data: bytes) -> None:
    done = through(data)
    assert done.returncode == 1 and b"DataError: standard input" in done.stderr


def test_a_cut_stream_on_a_pipe_gives_its_frames_and_an_error(tmp_path: Path) -> None:
    path = half(write_clip(tmp_path / "a.mkv", 100, noise=40))
    done = through(path.read_bytes())
    assert b"truncated" in done.stderr and 30 < len(done.stdout.splitlines()) < 70


def test_a_named_pipe_is_a_source_too(tmp_path: Path) -> None:
    data = write_clip(tmp_path / "a.ts", 20).read_bytes()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    threading.Thread(target=fifo.write_bytes, args=(data,), daemon=True).start()
    assert [number_in(p.image) for p in open_media(fifo)] == list(range(20))


def test_a_dead_pipe_does_not_hold_up_whoever_leaves(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, write_clip(tmp_path / "a.ts", 60, noise=40).read_bytes())
    code = (
        "import sys, threading\nfrom rtmcli.media import open_media\n"
        "for picture in open_media('-'):\n    break\nprint(picture.frame)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], stdin=read, capture_output=True, timeout=60)
    assert done.stdout == b"0\n" and done.returncode == 0 and time.monotonic() - began < 20
    os.close(read)
    os.close(write)


def test_an_empty_standard_input_is_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(DataError, match="standard input"):
        open_media("-")
