"""With --start, frame numbers, times and images equal those of a run from the beginning."""

from pathlib import Path

import pytest

from rtmcli.media import open_media
from tests.helpers.clips import block_number, write_clip

DATA = Path(__file__).with_name("data")
B_FRAMES = {"bf": "3", "b_strategy": "0", "g": "12"}
OPEN_GROUPS = {
    "x264-params": "open-gop=1:keyint=12:min-keyint=12:bframes=3:b-pyramid=normal:b-adapt=0:scenecut=0"
}
MPEG4_B = {"bf": "2", "g": "12"}


def frames(path: Path, **options: float) -> list[tuple[int, float | None, bytes]]:
    return [(p.frame, p.time, p.image.tobytes()) for p in open_media(path, **options)]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.avi", "libx264", B_FRAMES), ("open.avi", "libx264", OPEN_GROUPS), ("a.asf", "libx264", B_FRAMES),
        ("a.mxf", "libx264", B_FRAMES), ("a.nut", "libx264", B_FRAMES), ("a.mpg", "libx264", B_FRAMES),
        ("open.mkv", "libx264", OPEN_GROUPS), ("open.mp4", "libx264", OPEN_GROUPS),
        ("open.ts", "libx264", OPEN_GROUPS), ("open.flv", "libx264", OPEN_GROUPS), ("mpeg4.avi", "mpeg4", MPEG4_B),
        ("mpeg2.avi", "mpeg2video", MPEG4_B), ("mpeg2.mpg", "mpeg2video", MPEG4_B), ("mjpeg.avi", "mjpeg", {}),
        ("mjpeg.mov", "mjpeg", {}), ("a.h264", "libx264", {"g": "12", "bf": "0"}),
    ],
)  # fmt: skip
def test_a_start_equals_the_run_from_the_beginning(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_clip(tmp_path / name, 50, codec=codec, pixels=pixels, ticks=25, **options)
    whole = frames(path)
    assert [number for number, _, _ in whole] == list(range(50))
    times = [time for _, time, _ in whole if time is not None]
    assert times == sorted(set(times))
    for start in (0.2, 0.48, 0.77, 1.0, 1.44, 1.9):
        later = [frame for frame in whole if (frame[1] or 0) >= start]
        if later:
            assert frames(path, start=start) == later


def test_h264_with_b_frames_in_avi_has_even_times() -> None:
    # The container stores no presentation times, and those that the decoder guesses go back and forth.
    pictures = list(open_media(DATA / "h264_b_frames.avi"))
    assert [block_number(p.image) for p in pictures] == list(range(60))
    assert [p.time for p in pictures] == pytest.approx([n / 30 for n in range(60)])
    late = list(open_media(DATA / "h264_b_frames.avi", start=0.8))
    assert [(p.frame, p.time, block_number(p.image)) for p in late] == [(n, n / 30, n) for n in range(24, 60)]
