"""A live stream whose server dies or goes silent is an error, not a normal end."""

import json
from pathlib import Path

import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError
from rtmcli.media import open_media
from tests.helpers.clips import write_clip
from tests.helpers.rtsp_server import End, serve_rtsp

# The last frame of a transport stream is complete only when another one follows.
FRAMES = 30


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_clip(tmp_path_factory.mktemp("sent") / "a.ts", FRAMES, noise=20).read_bytes()


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_server_that_dies_ends_the_verb_with_the_reason(
    stream: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], end: End
) -> None:
    records, drawn = tmp_path / "a.jsonl", tmp_path / "a.mp4"
    with serve_rtsp(stream, end=end) as address:
        assert main(["detect", address, "-o", str(records), "--draw", str(drawn), "--reconnect", "0"]) == 3
    numbers = [json.loads(line)["frame"] for line in records.read_text().splitlines()]
    assert numbers and numbers == sorted(set(numbers)) and numbers[-1] == FRAMES - 2
    assert len(list(open_media(drawn))) == len(numbers)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == (
        f"rtm detect: {address}: the live stream ended after {FRAMES - 1} frames (the connection was closed); check "
        "the camera or server, and start again"
    )


def test_a_server_that_goes_silent_ends_the_stream_with_the_reason(stream: bytes) -> None:
    with (
        serve_rtsp(stream, end="silence") as address,
        pytest.raises(DataError, match=r"ended after \d+ frames \(no data came any more\)"),
    ):
        for picture in open_media(address, reconnect=0, stall=0.5):
            assert picture.width


def test_a_stream_with_a_length_ends_without_an_error(stream: bytes) -> None:
    with serve_rtsp(stream, end="close", seconds=FRAMES / 25) as address:
        assert list(open_media(address))[-1].frame == FRAMES - 2


@pytest.mark.parametrize("end", ["close", "silence"])
def test_a_stream_that_ends_long_before_its_length_is_an_error(stream: bytes, end: End) -> None:
    with (
        serve_rtsp(stream, end=end, seconds=60) as address,
        pytest.raises(DataError, match=r"ended after \d+ frames \(.* after 1\.2 of 60\.0 seconds\)"),
    ):
        for picture in open_media(address, stall=0.5):
            assert picture.width


def test_a_stream_that_is_left_early_ends_without_an_error(stream: bytes) -> None:
    with serve_rtsp(stream, end="close") as address:
        pictures = list(open_media(address, max_frames=2))
    assert 1 <= len(pictures) <= 2  # one where all before the last frame came faster than they were taken
