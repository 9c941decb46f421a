"""Of several video streams the one is read that ffmpeg would take, and `--stream` reads another."""

import json
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from rtmcli.errors import UsageError
from rtmcli.media import open_media
from tests.helpers.clips import block_number, number_in, numbered

COVER_FIRST = Path(__file__).with_name("data") / "cover_picture_first.mp4"
Shell = Callable[..., subprocess.CompletedProcess[bytes]]


def write_streams(path: Path, *streams: tuple[str, tuple[int, int], int], default: int | None = None) -> Path:
    """A file with several video streams: codec, size and number of frames of each."""
    with av.open(str(path), "w") as out:
        written = []
        for number, (codec, size, _) in enumerate(streams):
            stream = out.add_stream(codec, rate=25)
            stream.width, stream.height = size
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            if default is not None:
                stream.disposition = (
                    av.stream.Disposition.default if number == default else av.stream.Disposition(0)
                )
            written.append(stream)
        for stream, (_, size, frames) in zip(written, streams, strict=True):
            for number in range(frames):
                frame = av.VideoFrame.from_ndarray(numbered(number, size), format="bgr24")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                out.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
            out.mux(stream.encode())
    return path


def test_a_cover_picture_before_the_video_is_not_read_and_the_choice_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pictures = list(open_media(COVER_FIRST))
    assert [block_number(p.image) for p in pictures] == [p.frame for p in pictures] == list(range(60))
    assert {(p.width, p.height, p.frames) for p in pictures} == {(320, 240, 60)}
    note = capsys.readouterr().err
    assert (
        "reading video stream 1 (h264, 320x240)" in note
        and "--stream N" in note
        and "0 (mjpeg, 160x120)" in note
    )


@pytest.mark.parametrize(
    ("name", "streams", "default", "chosen"),
    [
        ("large_cover.mp4", [("mjpeg", (192, 128), 1), ("libx264", (96, 64), 9)], None, (96, 64)),
        ("large_cover.mkv", [("mjpeg", (192, 128), 1), ("libx264", (96, 64), 9)], None, (96, 64)),
        ("preview.avi", [("mpeg4", (96, 64), 9), ("mpeg4", (192, 128), 9)], None, (192, 128)),
        ("preview.ts", [("libx264", (96, 64), 9), ("libx264", (192, 128), 9)], None, (192, 128)),
        ("preview.mkv", [("libx264", (96, 64), 9), ("libx264", (192, 128), 9)], 1, (192, 128)),
        ("default.mkv", [("libx264", (96, 64), 9), ("libx264", (192, 128), 9)], 0, (96, 64)),
    ],
)
def test_default_then_size_then_frames_decide(
    tmp_path: Path,
    name: str,
    streams: list[tuple[str, tuple[int, int], int]],
    default: int | None,
    chosen: tuple[int, int],
) -> None:
    path = write_streams(tmp_path / name, *streams, default=default)
    pictures = list(open_media(path))
    assert {(p.width, p.height) for p in pictures} == {chosen} and len(pictures) == 9


def test_stream_reads_the_stream_of_that_number(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "a.mkv", ("libx264", (96, 64), 9), ("libx264", (192, 128), 7))
    for number, size, frames in ((0, (96, 64), 9), (1, (192, 128), 7)):
        pictures = list(open_media(path, stream=number))
        assert {(p.width, p.height) for p in pictures} == {size}
        assert [number_in(p.image) for p in pictures] == list(range(frames))
    with pytest.raises(UsageError, match=r"--stream 5 is not a video stream.*0 \(h264, 96x64\), 1 \(h264"):
        open_media(path, stream=5)


def test_records_of_a_chosen_stream_lead_back_to_it(sh: Shell, tmp_path: Path) -> None:
    done = sh(
        f"rtm detect {COVER_FIRST} --stream 0 > a.jsonl && rtm pose < a.jsonl && rtm draw a.jsonl -o a.png"
    )
    assert done.returncode == 0 and json.loads(done.stdout)["stream"] == 0
    picture = next(iter(open_media(tmp_path / "a.png")))
    assert (picture.width, picture.height) == (160, 120)
