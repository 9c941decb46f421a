"""Long videos in units: the frames of all units are those of the whole video, in numbers, times and pixels."""

from pathlib import Path

import numpy as np
import pytest

from rtmcli.jobs.plan import Reading, plan_media
from rtmcli.jobs.sources import Named
from rtmcli.jobs.split import split
from rtmcli.jobs.unit import Span
from rtmcli.media.decode.timeline import Timeline, read_timeline
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.video_source import open_video
from tests.helpers.clips import half, write_clip

Frames = list[tuple[int, float, bytes]]


def read(path: Path, wanted: FrameRange) -> Frames:
    media = open_video(str(path), wanted, "stop", stream=None, pipe=None)
    return [(picture.frame, picture.time, picture.image.tobytes()) for picture in media]


ALL = FrameRange()


def spans_of(path: Path, wanted: FrameRange = ALL, **options: float) -> list[Span]:
    reading = Reading(
        wanted=wanted, seconds=options.get("seconds", 1), det_every=int(options.get("det_every", 1))
    )
    units = plan_media(Named(str(path), str(path)), "x.jsonl", reading).units
    return [unit.span for unit in units if unit.span is not None]


def read_units(path: Path, spans: list[Span], every: int = 1) -> Frames:
    frames: Frames = []
    for span in spans:
        frames += read(path, FrameRange(span.start, span.end, every, span.max_frames, span.keyframes))
    return frames


# Times with long and short frames; the last one is at 7.4 s.
UNEVEN = np.cumsum(np.tile([0.04, 0.01, 0.2, 0.05], 25)) - 0.04
CASES = {
    "B-frames": ("a.mp4", {"bf": "3", "g": "20"}),
    "open groups": ("b.mkv", {"bf": "3", "x264-params": "open-gop=1:keyint=20:log-level=-1"}),
    "a transport stream": ("c.ts", {"bf": "2", "g": "20"}),
    "variable rate": ("d.mp4", {"g": "15", "times": UNEVEN}),
    "fragments": ("e.mp4", {"g": "20", "container": {"movflags": "frag_keyframe+empty_moov"}}),
    "VP9": ("f.webm", {"codec": "libvpx-vp9", "g": "20", "deadline": "realtime", "ticks": 1000}),
}


@pytest.mark.parametrize(("name", "options"), CASES.values(), ids=CASES)
def test_the_frames_of_all_units_are_those_of_the_video(tmp_path: Path, name: str, options: dict) -> None:
    clip = write_clip(tmp_path / name, 100, **options)
    whole = read(clip, FrameRange())
    spans = spans_of(clip)
    assert len(whole) == 100 and len(spans) >= 3
    assert read_units(clip, spans) == whole
    assert [span.first for span in spans[1:]] == np.cumsum([span.frames for span in spans])[:-1].tolist()


@pytest.mark.parametrize(
    ("wanted", "det_every"),
    [
        (FrameRange(start=0.5, end=3.1), 4),
        (FrameRange(every=3), 5),
        (FrameRange(start=0.3, every=2, max_frames=37), 3),
    ],
)
def test_units_hold_the_frames_that_are_wanted_and_begin_at_detections(
    tmp_path: Path, wanted: FrameRange, det_every: int
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 100, g="10")
    spans = spans_of(clip, wanted, seconds=0.7, det_every=det_every)
    assert len(spans) >= 3 and read_units(clip, spans, wanted.every) == read(clip, wanted)
    assert all(span.frames % det_every == 0 for span in spans[:-1])


def test_a_unit_is_read_without_what_is_before_it(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", 200, g="25", noise=60)
    last = spans_of(clip)[-1]
    data = bytearray(clip.read_bytes())
    data[len(data) // 4 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 4)
    clip.write_bytes(data)
    wanted = FrameRange(last.start, last.end, keyframes=last.keyframes)
    assert [number for number, _, _ in read(clip, wanted)] == list(range(last.first, 200))


def test_the_last_unit_notices_that_the_file_is_truncated(tmp_path: Path) -> None:
    from rtmcli.errors import DataError

    clip = half(write_clip(tmp_path / "clip.mkv", 200, g="25", noise=60))
    timeline = read_timeline(str(clip), "clip.mkv")
    assert timeline is not None
    *_, last = split(timeline, FrameRange(), det_every=1, seconds=1)
    assert last.end is None
    with pytest.raises(DataError, match="truncated"):
        read(clip, FrameRange(last.start, last.end, keyframes=last.keyframes))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.avi", {"codec": "mpeg4", "bf": "2"}),
        ("b.ts", {"codec": "mpeg2video", "ticks": 25}),
        ("c.avi", {"bf": "2"}),
        ("d.mkv", {"x264-params": "intra-refresh=1:keyint=20:log-level=-1"}),
        ("e.mp4", {"g": "200"}),
    ],
    ids=["MPEG-4 Part 2", "MPEG-2", "AVI with B-frames", "intra refresh", "one keyframe"],
)
def test_a_video_that_cannot_be_read_from_the_middle_stays_in_one_piece(
    tmp_path: Path, name: str, options: dict
) -> None:
    assert spans_of(write_clip(tmp_path / name, 100, **options)) == []


def test_a_short_video_stays_in_one_piece(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 35, g="5")
    (unit,) = plan_media(
        Named(str(clip), str(clip)), "x.jsonl", Reading(wanted=FrameRange(every=2), seconds=1)
    ).units
    assert unit.span is None and unit.length == 17


def test_a_rest_belongs_to_the_last_unit() -> None:
    times = tuple(number / 10 for number in range(34))
    timeline = Timeline(times, tuple((time, round(time * 10), round(time * 10)) for time in times))
    spans = split(timeline, FrameRange(), det_every=1, seconds=1)
    assert [(span.first, span.frames) for span in spans] == [(0, 10), (10, 10), (20, 14)]
    assert spans[1].keyframes == ((8, 8), (9, 9), (10, 10))
    assert [(span.start, span.end) for span in spans] == [(None, 1.0), (1.0, 2.0), (2.0, None)]
    assert split(timeline, FrameRange(start=99), det_every=1, seconds=1) == []
