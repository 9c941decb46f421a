"""What is written can be read again, keeps its times, and is whole or not there."""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from rtmcli.errors import RtmError, UsageError
from rtmcli.media import open_media, open_writer
from tests.helpers.clips import number_in, numbered

TIMES = [0.0, 0.04, 0.5, 0.54, 2.0]


def test_a_video_keeps_uneven_times(tmp_path: Path) -> None:
    for name, exact in (("a.mp4", 1e-4), ("a.mkv", 1e-3), ("a.mov", 1e-4)):
        with open_writer(tmp_path / name, fps=25) as writer:
            for number, time in enumerate(TIMES):
                writer.write(numbered(number), time=time)
        pictures = list(open_media(tmp_path / name))
        assert [number_in(p.image) for p in pictures] == list(range(5))
        assert [p.time for p in pictures] == pytest.approx(TIMES, abs=exact)


def test_an_mp4_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with open_writer(path, fps=30) as writer:
        for number in range(30):
            writer.write(numbered(number))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # the index in front
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.duration * stream.time_base) == pytest.approx(1.0, abs=1e-3)
        assert float(stream.average_rate) == pytest.approx(30, abs=0.1)


def test_odd_sizes_are_made_even_and_colours_stay(tmp_path: Path) -> None:
    image = np.full((67, 101, 3), (30, 60, 220), np.uint8)
    with open_writer(tmp_path / "odd.mp4") as writer:
        for _ in range(5):
            writer.write(image)
    picture = list(open_media(tmp_path / "odd.mp4"))[-1]
    assert picture.image.shape == (68, 102, 3)
    assert np.abs(picture.image[:67, :101].astype(int) - (30, 60, 220)).max() < 8


def test_another_size_is_fitted_into_the_first(tmp_path: Path) -> None:
    with open_writer(tmp_path / "a.mp4") as writer:
        writer.write(np.full((40, 80, 3), 250, np.uint8))
        writer.write(np.full((80, 40, 3), 250, np.uint8))
    picture = list(open_media(tmp_path / "a.mp4"))[1]
    assert picture.image.shape == (40, 80, 3)
    assert picture.image[20, 40].min() > 230 and picture.image[20, 5].max() < 20


def test_a_gif_keeps_times_and_colours(tmp_path: Path) -> None:
    with open_writer(tmp_path / "a.gif") as writer:
        for number, time in enumerate(TIMES):
            writer.write(numbered(number, (101, 67)), time=time)
    pictures = list(open_media(tmp_path / "a.gif"))
    assert [number_in(p.image) for p in pictures] == list(range(5))
    assert [p.time for p in pictures] == pytest.approx(TIMES, abs=0.0101)
    assert np.abs(pictures[2].image[50, 20].astype(int) - (255, 0, 0)).max() < 12


def test_one_picture_takes_one_picture(tmp_path: Path) -> None:
    with open_writer(tmp_path / "a.png") as writer:
        writer.write(numbered(9))
    assert np.array_equal(next(iter(open_media(tmp_path / "a.png"))).image, numbered(9))
    with pytest.raises(UsageError, match="folder"), open_writer(tmp_path / "b.png") as writer:
        writer.write(numbered(1))
        writer.write(numbered(2))
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_folder_takes_names_and_keeps_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "new" / "frames"
    for round_ in range(2):
        with open_writer(place) as writer:
            for name in (f"x_{round_}", "same.jpg", "same.jpg", ""):
                writer.write(numbered(1), name=name)
    assert sorted(os.listdir(place)) == ["000003.png", "same-2.jpg", "same.jpg", "x_0.png", "x_1.png"]
    assert os.listdir(place.parent) == ["frames"]


@pytest.mark.parametrize("name", ["a.mp4", "a.gif", "a.png", "folder/"])
def test_an_error_leaves_nothing_and_touches_nothing(tmp_path: Path, name: str) -> None:
    if not name.endswith("/"):
        (tmp_path / name).write_text("what was there")
    with pytest.raises(ValueError), open_writer(f"{tmp_path}/{name}") as writer:
        writer.write(numbered(1))
        raise ValueError
    if name.endswith("/"):
        assert os.listdir(tmp_path) == []
    else:
        assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_text() == "what was there"


@pytest.mark.parametrize("name", ["a.mp4", "a.png"])
def test_nothing_written_is_an_error_and_no_empty_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(RtmError, match="no image"), open_writer(tmp_path / name):
        pass
    assert os.listdir(tmp_path) == []


def test_ctrl_c_keeps_the_recording(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_writer(tmp_path / "a.mp4") as writer:
        for number in range(10):
            writer.write(numbered(number))
        raise KeyboardInterrupt
    assert len(list(open_media(tmp_path / "a.mp4"))) == 10 and os.listdir(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize("name", ["a.mp4", "a.gif", "a.png"])
def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(RtmError, match="cannot write"):
        open_writer(tmp_path / "nowhere" / name)


def test_an_unknown_suffix_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.mp4"):
        open_writer(tmp_path / "a.docx")


def test_written_files_have_ordinary_permissions(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        with open_writer(tmp_path / "a.png") as writer:
            writer.write(numbered(1))
    finally:
        os.umask(mask)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o644
