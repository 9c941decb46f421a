"""An mp4 whose index is at its end can only be read where one can go back in it; not every web server allows that."""

import tempfile
from pathlib import Path

import pytest

from rtmcli.errors import DataError
from rtmcli.media import http_video, open_media
from tests.helpers.clips import number_in, write_clip
from tests.helpers.local_server import serve

FRAMES = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first is larger than what a demuxer keeps in memory."""
    folder = tmp_path_factory.mktemp("served")
    write_clip(folder / "last.mp4", FRAMES, codec="mjpeg", pixels="yuvj420p", noise=60, size=(320, 240))
    write_clip(folder / "first.mp4", FRAMES, container={"movflags": "faststart"})
    write_clip(folder / "a.mkv", FRAMES)
    return folder


@pytest.mark.parametrize("file", ["last.mp4", "first.mp4"])
def test_every_frame_is_read_and_no_copy_is_left(
    folder: Path, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with serve(folder) as site:
        media = open_media(f"{site}/{file}")
        assert media.total == FRAMES
        assert [number_in(picture.image) for picture in media] == list(range(FRAMES))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["last.mp4", "first.mp4", "a.mkv"])
def test_a_file_whose_size_is_not_stated_is_whole(folder: Path, file: str) -> None:
    with serve(folder, sizes=False) as site:
        media = open_media(f"{site}/{file}")
        assert not media.live
        assert [number_in(picture.image) for picture in media] == list(range(FRAMES))


def test_a_file_that_is_larger_than_the_disk_is_not_copied(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_video, "_LEFT_FREE", 1 << 60)
    with serve(folder) as site, pytest.raises(DataError, match=r"no room for it in .*; set TMPDIR"):
        open_media(f"{site}/last.mp4")
