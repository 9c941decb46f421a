"""Videos of every kind give upright 8-bit BGR frames with their true numbers and times."""

import gc
from pathlib import Path

import numpy as np
import pytest

from rtmcli.errors import UsageError
from rtmcli.media import open_media
from tests.helpers.clips import number_in, numbered, with_matrix, write_clip


def shown(source: Path | str, **options: object) -> list[tuple[int, int, float | None]]:
    """Number on the picture, number in the record and time of each frame."""
    return [(number_in(p.image), p.frame, p.time) for p in open_media(source, **options)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 120, g="12", bf="2")


def test_every_frame_comes_once_with_its_number_and_time(clip: Path) -> None:
    media = open_media(clip)
    pictures = list(media)
    assert [number_in(p.image) for p in pictures] == [p.frame for p in pictures] == list(range(120))
    assert [p.time for p in pictures] == pytest.approx([n / 25 for n in range(120)], abs=1e-9)
    assert media.total == 120 and media.fps == 25
    first = pictures[0]
    assert (first.source, first.frames, first.width, first.height, first.file) == (
        str(clip),
        120,
        96,
        64,
        None,
    )
    assert first.image.dtype == np.uint8 and first.image.flags.c_contiguous


def test_red_is_red_and_blue_is_blue(clip: Path) -> None:
    image = next(iter(open_media(clip))).image
    assert np.abs(image[40:60, 5:40].mean((0, 1)) - (255, 0, 0)).max() < 12
    assert np.abs(image[40:60, 56:90].mean((0, 1)) - (0, 0, 255)).max() < 12


def test_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [0, 0.04, 0.08, 0.5, 0.52, 1.7, 1.75, 3.0]
    for name in ("v.mp4", "v.mkv"):
        came = shown(write_clip(tmp_path / name, 8, times=times))
        assert [n for n, _, _ in came] == list(range(8))
        assert [t for _, _, t in came] == pytest.approx(times, abs=1e-3)


@pytest.mark.parametrize("name", ["b.mp4", "b.mkv", "b.ts", "b.webm", "b.avi", "b.mov"])
def test_a_start_gives_the_same_numbers_as_reading_from_the_beginning(tmp_path: Path, name: str) -> None:
    codec, ticks, options = "libx264", 12800, {"bf": "3"}
    if name == "b.webm":
        codec, options = "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}
    elif name == "b.avi":
        codec, ticks, options = "mpeg4", 25, {}
    path = write_clip(tmp_path / name, 120, codec=codec, g="30", ticks=ticks, **options)
    whole = shown(path)
    assert [n for n, _, _ in whole] == [f for _, f, _ in whole] == list(range(120))
    for at in (0.0, 0.3, 1.0, 2.02, 3.0, 4.75):
        assert shown(path, start=at) == [entry for entry in whole if entry[2] is not None and entry[2] >= at]


def test_start_end_every_and_max_frames_choose_by_time_and_number(clip: Path) -> None:
    assert [f for _, f, _ in shown(clip, start=1, end=2)] == list(range(25, 50))
    assert [f for _, f, _ in shown(clip, every=50)] == [0, 50, 100]
    assert [f for _, f, _ in shown(clip, start=1, every=10, max_frames=3)] == [30, 40, 50]
    assert open_media(clip, every=50).total == 3


@pytest.mark.parametrize(
    ("options", "flag"),
    [({"every": 0}, "--every"), ({"max_frames": 0}, "--max-frames"), ({"start": 2.0, "end": 1.0}, "--end")],
)
def test_senseless_choices_name_their_flag(clip: Path, options: dict[str, int], flag: str) -> None:
    with pytest.raises(UsageError, match=flag):
        open_media(clip, **options)


def test_a_start_behind_the_end_says_so(clip: Path) -> None:
    with pytest.raises(UsageError, match="--start 99"):
        list(open_media(clip, start=99))


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),  # clockwise, as phones are held
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
        ((1, 0, 0, -1), lambda image: image[::-1]),
    ],
)
def test_the_containers_rotation_and_mirror_are_applied(tmp_path: Path, matrix: tuple, turn) -> None:
    flat = write_clip(tmp_path / "flat.mp4", [37])
    picture = next(iter(open_media(with_matrix(flat, *matrix))))
    wanted = turn(next(iter(open_media(flat))).image)
    assert np.array_equal(picture.image, wanted)
    assert (picture.width, picture.height) == (wanted.shape[1], wanted.shape[0])


@pytest.mark.parametrize(
    ("pixels", "codec"),
    [("yuv420p10le", "ffv1"), ("yuv444p", "ffv1"), ("gray", "ffv1"), ("gray16le", "ffv1"), ("bgra", "ffv1"),
     ("yuv422p", "ffv1"), ("rgb24", "png"), ("rgba", "png"), ("yuvj420p", "mjpeg")],
)  # fmt: skip
def test_every_pixel_format_becomes_8_bit_bgr(tmp_path: Path, pixels: str, codec: str) -> None:
    path = write_clip(
        tmp_path / ("f.mov" if codec == "png" else "f.mkv"), [0, 85, 170, 255], codec=codec, pixels=pixels
    )
    pictures = list(open_media(path))
    assert [number_in(p.image) for p in pictures] == [0, 85, 170, 255]
    assert all(p.image.shape == (64, 96, 3) and p.image.dtype == np.uint8 for p in pictures)
    if not pixels.startswith("gray"):
        assert np.abs(pictures[0].image[50, 20].astype(int) - (255, 0, 0)).max() < 16


def test_odd_sizes_come_out_whole(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "odd.mkv", 5, codec="ffv1", size=(101, 67), pixels="yuv420p")
    assert [(p.image.shape, number_in(p.image)) for p in open_media(path)] == [
        ((67, 101, 3), n) for n in range(5)
    ]


def test_a_gif_has_times(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.gif", 10, codec="gif", pixels="rgb8", ticks=100, fps=10)
    assert [(n, round(t or 0, 6)) for n, _, t in shown(path)] == [(n, n / 10) for n in range(10)]


def test_frames_that_an_edit_list_hides_are_neither_shown_nor_counted(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "edit.mp4", 40, times=[(n - 10) / 25 for n in range(40)], bf="0")
    pictures = list(open_media(path))
    assert [number_in(p.image) for p in pictures] == list(range(10, 40))
    assert [p.frame for p in pictures] == list(range(30)) and {p.frames for p in pictures} == {30}
    assert pictures[0].time == 0


def test_missing_timestamps_follow_the_frame_rate(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "raw.h264", 20, bf="0")
    times = [t for _, _, t in shown(path)]
    assert len(times) == 20 and np.allclose(np.diff(times), 1 / 25, atol=1e-6)


def test_repeated_timestamps_still_rise(tmp_path: Path) -> None:
    # Matroska counts milliseconds: four frames in one.
    path = write_clip(
        tmp_path / "fast.mkv", 16, times=[n / 4000 for n in range(16)], ticks=4000, fps=4000, bf="0"
    )
    times = np.array([t for _, _, t in shown(path)])
    assert len(times) == 16 and (np.diff(times) > 0).all()


def test_two_recordings_joined_go_on_where_the_first_ended(tmp_path: Path) -> None:
    one, two = (write_clip(tmp_path / f"{n}.ts", 75, g="25") for n in "ab")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() + two.read_bytes())
    times = np.array([t for _, _, t in shown(joined)])
    assert len(times) == 150 and (np.diff(times) > 0).all() and 5.5 < times[-1] - times[0] < 6.5


def test_a_change_of_resolution_in_the_middle_is_followed(tmp_path: Path) -> None:
    one, two = write_clip(tmp_path / "a.ts", 10), write_clip(tmp_path / "b.ts", 10, size=(160, 96))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() + two.read_bytes())
    pictures = list(open_media(joined, on_error="skip"))
    assert {p.image.shape[:2] for p in pictures} == {(64, 96), (96, 160)}
    assert all((p.height, p.width) == p.image.shape[:2] for p in pictures)


def test_a_picture_read_twice_is_the_same_to_the_byte(clip: Path) -> None:
    assert all(
        np.array_equal(a.image, b.image) for a, b in zip(open_media(clip), open_media(clip), strict=True)
    )


def test_the_demo_clip_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    media = open_media("demo")
    picture = next(iter(media))
    assert picture.source == "demo" and picture.frames == media.total and picture.image.shape == (360, 640, 3)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "a.png").write_bytes(png(numbered(5)))
    assert next(iter(open_media("demo"))).source == "demo/a.png"


def png(image: np.ndarray) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", image)[1])


def test_memory_of_frames_is_given_back_at_once(clip: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            list(open_media(clip))
        assert gc.collect() < 50  # one frame each is asked for its rotation
    finally:
        gc.enable()
