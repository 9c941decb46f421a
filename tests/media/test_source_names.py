"""What a name stands for: folders, globs, lists, clips of pictures, cameras, addresses, and what is none of these."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.media import open_media
from rtmcli.media.source_names import camera_number, is_live, natural
from tests.helpers.clips import number_in, numbered, write_clip
from tests.helpers.local_server import serve


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve numbered pictures, which `ls` would put into another order."""
    place = tmp_path / "shots"
    place.mkdir()
    for number in range(12):
        cv2.imwrite(str(place / f"shot{number}.png"), numbered(number))
    (place / "notes.md").write_text("not a picture")
    (place / ".hidden.png").write_bytes(b"")
    return place


def test_a_folder_is_its_pictures_in_natural_order(folder: Path) -> None:
    media = open_media(folder)
    pictures = list(media)
    assert media.total == 12 and [number_in(p.image) for p in pictures] == list(range(12))
    assert [p.source for p in pictures] == [str(folder / f"shot{n}.png") for n in range(12)]
    assert {(p.frame, p.frames, p.time, p.file) for p in pictures} == {(0, 1, None, None)}


def test_a_folder_read_as_a_clip_is_one_source_with_times(folder: Path) -> None:
    media = open_media(folder, fps=10, start=0.3, every=2)
    pictures = list(media)
    assert [(p.frame, p.time) for p in pictures] == [(n, n / 10) for n in (4, 6, 8, 10)]
    assert {(p.source, p.frames) for p in pictures} == {(str(folder), 12)} and media.total == 4
    assert [p.file for p in pictures] == [str(folder / f"shot{n}.png") for n in (4, 6, 8, 10)]


def test_a_glob_and_a_list_choose_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [number_in(p.image) for p in open_media(f"{folder}/shot1*.png")] == [1, 10, 11]
    listing = folder / "some.txt"
    listing.write_text("# the best\nshot7.png\n\nshot2.png\n")
    assert [(number_in(p.image), p.source) for p in open_media(listing)] == [
        (7, str(folder / "shot7.png")),
        (2, str(folder / "shot2.png")),
    ]
    monkeypatch.chdir(folder)
    assert [p.source for p in open_media("some.txt")] == ["shot7.png", "shot2.png"]


def test_every_and_max_frames_count_pictures_of_a_folder(folder: Path) -> None:
    media = open_media(folder, every=5, max_frames=2)
    assert [number_in(p.image) for p in media] == [0, 5] and media.total == 2


def test_videos_and_pictures_mix_in_a_folder(folder: Path) -> None:
    write_clip(folder / "zclip.mp4", 3)
    pictures = list(open_media(folder))
    assert [(p.frame, p.frames) for p in pictures[-3:]] == [(0, 3), (1, 3), (2, 3)] and len(pictures) == 15


def test_a_file_without_a_suffix_is_known_by_its_first_bytes(folder: Path) -> None:
    (folder / "shot3.png").rename(folder / "plain")
    assert number_in(next(iter(open_media(folder / "plain"))).image) == 3


def test_skip_leaves_broken_files_out_and_stop_names_the_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "shot4.png").write_bytes((folder / "shot4.png").read_bytes()[:100])
    (folder / "shot5.mp4").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"shot4\.png"):
        list(open_media(folder))
    media = open_media(folder, on_error="skip")
    assert len(list(media)) == 11 and media.lost == 2
    assert "shot5.mp4" in capsys.readouterr().err


def test_a_folder_of_nothing_but_broken_pictures_is_an_error_also_with_skip(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"broken")
    with pytest.raises(DataError, match="not one image"):
        list(open_media(tmp_path, on_error="skip"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nowhere.mp4", "no such file"), ("none*.png", "no file matches"), ("empty", "no image or video"),
     ("void.mp4", "empty"), ("noise.mp4", "not a video|index"), ("words.md", "not a video|text"),
     ("list.txt", "no path"), ("sound.wav", "no video")],
)  # fmt: skip
def test_what_cannot_be_read_is_one_sentence_that_names_it(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "void.mp4").write_bytes(b"")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "words.md").write_text("# Words\n" * 50)
    (tmp_path / "list.txt").write_text("\n# nothing\n")
    body = bytes(1600)
    form = b"WAVEfmt " + (16).to_bytes(4, "little") + bytes.fromhex("0100010040 1f0000 803e0000 0200 1000")
    chunk = form + b"data" + len(body).to_bytes(4, "little") + body
    (tmp_path / "sound.wav").write_bytes(b"RIFF" + len(chunk).to_bytes(4, "little") + chunk)
    with pytest.raises(DataError, match=reason) as caught:
        list(open_media(tmp_path / name))
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_without_permission_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "a.mp4", 2)

    def refuse(*_: object) -> None:  # root, as whom tests may run, is never refused
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(DataError, match=r"a\.mp4: no permission"):
        open_media(path)


@pytest.mark.parametrize(("options", "flag"), [({"start": 1.0}, "--fps"), ({"end": 1.0}, "--fps")])
def test_times_for_pictures_ask_for_a_rate(folder: Path, options: dict[str, float], flag: str) -> None:
    with pytest.raises(UsageError, match=flag):
        open_media(folder, **options)


def test_a_rate_for_one_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--fps"):
        open_media(write_clip(tmp_path / "a.mp4", 2), fps=25)


def test_natural_order_is_by_number() -> None:
    names = ["b2", "b10", "b1", "a", "b", "10", "9"]
    assert sorted(names, key=natural) == ["9", "10", "a", "b", "b1", "b2", "b10"]


def test_cameras_and_live_addresses_are_known_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (camera_number("0"), camera_number("/dev/video2"), camera_number("a0")) == (0, 2, None)
    (tmp_path / "7").write_text("")
    assert camera_number("7") is None  # a file of that name goes first
    assert is_live("rtsp://host/path") and not is_live("https://host/a.mp4")


class FakeCamera:
    """What OpenCV's VideoCapture is to `Camera`: five pictures, then nothing."""

    def __init__(self, index: int) -> None:
        self.left, self.there = 5, index == 0

    def isOpened(self) -> bool:
        return self.there

    def get(self, _: int) -> float:
        return 30.0

    def read(self) -> tuple[bool, Any]:
        self.left -= 1
        return (True, numbered(4 - self.left)) if self.left >= 0 else (False, None)

    def release(self) -> None:
        self.there = False


def test_a_camera_is_timed_from_its_first_picture_and_says_when_it_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera)
    media = open_media("0", reconnect=0)
    assert media.live and media.total is None and media.fps == 30
    came = []
    with pytest.raises(DataError, match="unplugged"):
        for picture in media:
            came.append(picture)
    # A live source drops what nobody took in time, and the numbers show it.
    assert came and came[-1].frame == 4 and came[-1].source == "0"
    assert all(number_in(p.image) == p.frame for p in came)
    with pytest.raises(MissingError, match="no camera 3"):
        open_media("3")


def test_a_video_is_read_from_a_url(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", 20, container={"movflags": "+faststart"})
    with serve(tmp_path) as address:
        pictures = list(open_media(f"{address}/a.mp4"))
        assert [number_in(p.image) for p in pictures] == list(range(20))
        assert pictures[0].source == f"{address}/a.mp4"
        with pytest.raises(DataError, match="404"):
            open_media(f"{address}/b.mp4")
    with pytest.raises(DataError, match="check the address"):
        open_media("http://127.0.0.1:1/b.mp4")


@pytest.mark.parametrize(
    ("name", "frames", "last", "size"),
    [("basketball.mp4", 300, 9.976633, (426, 240)), ("dance_variable_rate.mp4", 156, 8.966667, (384, 496)),
     ("iphone_rotated_nobody.mov", 66, 2.168333, (320, 568)), ("night_crowd_8frames.mp4", 8, 2.333333, (1920, 1080)),
     ("signing_close_up.mkv", 89, 2.933, (640, 480)), ("store_aisle.gif", 20, 2.38, (360, 202)),
     ("two_people_phone_rotation.mp4", 100, 1.65, (544, 960)), ("vtest_pedestrians.mp4", 100, 9.9, (480, 360))],
)  # fmt: skip
def test_the_real_clips_are_read_whole(
    data_dir: Path, name: str, frames: int, last: float, size: tuple[int, int]
) -> None:
    pictures = list(open_media(data_dir / "videos" / name))
    assert [p.frame for p in pictures] == list(range(frames)) and pictures[-1].time == pytest.approx(
        last, abs=1e-5
    )
    assert {(p.width, p.height) for p in pictures} == {size}
    assert {p.frames for p in pictures} == ({None} if name.endswith(".mkv") else {frames})
