"""An intact video is not reported as truncated, and `frames` is the number of frames that it shows."""

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from rtmcli.errors import DataError
from rtmcli.media import Picture, open_media
from tests.helpers.clips import (
    after_damage,
    block_number,
    half,
    number_in,
    remuxed,
    write_clip,
)
from tests.helpers.mp4_edits import with_edits, with_empty_samples

DATA = Path(__file__).with_name("data")
Shell = Callable[..., subprocess.CompletedProcess[bytes]]
# Frames of the clip that edit lists are written into; 25 a second.
FRAMES = 50


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", FRAMES, g="10", bf="0")


def intact(path: Path, **options: object) -> list[Picture]:
    """All pictures of a video; frames are counted from 0, and `frames` is their number or absent."""
    pictures = list(open_media(path, **options))
    assert [p.frame for p in pictures] == list(range(len(pictures)))
    assert {p.frames for p in pictures} <= {None, len(pictures)}
    return pictures


def test_an_mp4_trimmed_by_its_edit_list_shows_the_part_that_is_left() -> None:
    pictures = intact(DATA / "edit_list_trimmed.mp4")
    assert [block_number(p.image) for p in pictures] == list(range(15, 45))
    assert pictures[0].frames == 30 and pictures[0].time == 0


@pytest.mark.parametrize(
    ("edits", "shown"),
    [
        ([(0.6, 0.4)], range(10, 25)),
        ([(0.4, 0.4), (0.4, 1.2)], [*range(10, 20), *range(30, 40)]),
        ([(0.4, 0.48), (0.4, 1.28)], [*range(12, 22), *range(32, 42)]),
        ([(0.4, 0.4), (0.4, 0.4)], [*range(10, 20), *range(10, 20)]),
        ([(0.4, 1.28), (0.4, 0.48)], [*range(32, 42), *range(12, 22)]),
        ([(1.0, None), (2.0, 0.0)], range(50)),
        ([(1.0, None), (0.4, 0.48)], range(12, 22)),
        ([(9.0, 0.0)], range(50)),
    ],
    ids=[
        "trimmed", "two segments", "two segments off keyframes", "one segment twice", "swapped",
        "delayed", "delayed and trimmed", "longer than the media",
    ],
)  # fmt: skip
def test_edit_lists_of_every_kind(
    clip: Path, tmp_path: Path, edits: list[tuple[float, float | None]], shown: list[int]
) -> None:
    path = with_edits(clip, edits, tmp_path / "edited.mp4")
    pictures = intact(path)
    assert [number_in(p.image) for p in pictures] == list(shown)
    times = [p.time for p in pictures if p.time is not None]
    assert times == sorted(set(times))
    for start in (0.2, 0.5, 1.1):
        later = [(p.frame, p.time, number_in(p.image)) for p in pictures if (p.time or 0) >= start]
        if later:
            assert [(p.frame, p.time, number_in(p.image)) for p in open_media(path, start=start)] == later


@pytest.mark.parametrize(
    "options",
    [
        {"movflags": "frag_keyframe"},
        {"movflags": "frag_keyframe+empty_moov"},
        {"movflags": "frag_keyframe+empty_moov+default_base_moof"},
        {"movflags": "dash+frag_keyframe"},
        {"movflags": "dash+frag_keyframe+global_sidx"},
        {"movflags": "cmaf+frag_keyframe"},
        {"movflags": "frag_every_frame+empty_moov"},
        {"frag_duration": "300000"},
        {"movflags": "hybrid_fragmented+frag_keyframe"},
    ],
    ids=lambda options: "+".join(options.values()),
)
def test_fragmented_mp4(clip: Path, tmp_path: Path, options: dict[str, str]) -> None:
    path = remuxed(clip, tmp_path / "fragmented.mp4", **options)
    assert [number_in(p.image) for p in intact(path)] == list(range(FRAMES))
    if "hybrid" not in options.get("movflags", ""):
        cut = half(path)
        pictures, error = after_damage(lambda: open_media(cut))
        assert isinstance(error, DataError) and str(cut) in str(error) and len(pictures) < 40


def test_a_sample_without_data_is_a_dropped_frame(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "jpeg.mp4", 30, codec="mjpeg", pixels="yuvj420p")
    pictures = intact(with_empty_samples(path, [8, 20, 29], tmp_path / "dropped.mp4"))
    assert [number_in(p.image) for p in pictures] == [n for n in range(30) if n not in (8, 20, 29)]
    assert [round((p.time or 0) * 25) for p in pictures] == [n for n in range(30) if n not in (8, 20, 29)]


def test_an_avi_with_frames_dropped_during_capture_has_gaps_in_time() -> None:
    pictures = intact(DATA / "avi_dropped_frames.avi")
    shown = [n for n in range(60) if not (10 <= n <= 14 or n == 30 or 40 <= n <= 42)]
    assert [block_number(p.image) for p in pictures] == shown and pictures[0].frames == 51
    assert [p.time for p in pictures] == pytest.approx([n / 30 for n in shown])


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4"])
def test_an_avi_that_ends_with_dropped_frames(tmp_path: Path, codec: str) -> None:
    # The writer fills a gap in time with empty chunks; the one at the end stands for a dropped frame.
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    times = [n / 25 for n in range(40) if n % 9]
    path = write_clip(tmp_path / "a.avi", len(times), codec=codec, pixels=pixels, times=times, ticks=25)
    pictures = intact(path)
    assert [number_in(p.image) for p in pictures] == list(range(len(times)))
    assert pictures[0].frames == len(times)


@pytest.mark.parametrize("ticks", [25, 1000])
def test_the_length_in_an_ivf_header_may_count_ticks(tmp_path: Path, ticks: int) -> None:
    webm = write_clip(tmp_path / "a.webm", 30, codec="libvpx", ticks=ticks, deadline="realtime")
    assert len(intact(remuxed(webm, tmp_path / "a.ivf"))) == 30


def test_following_sources_and_the_drawing_are_complete(sh: Shell, tmp_path: Path) -> None:
    trimmed, dropped = DATA / "edit_list_trimmed.mp4", DATA / "avi_dropped_frames.avi"
    done = sh(f"rtm detect {trimmed} {dropped} --draw drawn.mp4")
    assert done.returncode == 0 and b"truncated" not in done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["frames"] for line in lines] == [30] * 30 + [51] * 51
    assert len(list(open_media(tmp_path / "drawn.mp4"))) == 81


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_video_cut_in_half_is_still_reported(tmp_path: Path, name: str) -> None:
    codec = "mpeg4" if name == "a.avi" else "libx264"
    container = {"movflags": "+faststart"} if name == "a.mp4" else {}
    ticks = 25 if name == "a.avi" else 12800
    path = write_clip(tmp_path / name, 100, codec=codec, ticks=ticks, noise=40, g="20", container=container)
    pictures, error = after_damage(lambda: open_media(half(path)))
    assert isinstance(error, DataError) and ("truncated" in str(error) or "damaged" in str(error))
    assert len(pictures) < 70


def test_a_transport_stream_that_ends_within_a_frame_is_still_reported(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.ts", 100, noise=40, g="20")
    with av.open(str(path)) as container:
        keyframe = next(p for p in container.demux(video=0) if p.is_keyframe and (p.pos or 0) > 40_000)
    path.write_bytes(path.read_bytes()[: keyframe.pos + keyframe.size // 2])
    pictures, error = after_damage(lambda: open_media(path))
    assert isinstance(error, DataError) and "damaged at frame" in str(error) and len(pictures) < 70


def test_an_avi_cut_in_half_says_how_many_frames_its_header_declares(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", 100, codec="mpeg4", ticks=25, noise=40)
    with pytest.raises(DataError, match=r"truncated: \d+ of 100 frames"):
        list(open_media(half(path)))


@pytest.mark.parametrize("damage", ["overwritten", "zeros", "removed"])
@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [("b.avi", "libx264", {"bf": "2"}), ("a.avi", "mpeg4", {}), ("fragmented.mp4", "libx264", {})],
)
def test_damage_in_the_middle_is_still_reported(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], damage: str
) -> None:
    container = {"movflags": "frag_keyframe+empty_moov"} if name == "fragmented.mp4" else {}
    path = write_clip(
        tmp_path / name, 100, codec=codec, ticks=25, noise=30, g="20", container=container, **options
    )
    data = bytearray(path.read_bytes())
    start, length = len(data) * 11 // 20, len(data) // 50
    if damage == "removed":
        del data[start : start + length]
    else:
        data[start : start + length] = (
            bytes(length) if damage == "zeros" else random.Random(1).randbytes(length)
        )
    path.write_bytes(data)
    pictures, error = after_damage(lambda: open_media(path))
    assert isinstance(error, DataError) and str(path) in str(error) and len(pictures) < 100
