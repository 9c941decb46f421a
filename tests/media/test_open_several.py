"""Cameras are opened at the same time, files one after the other, and none stays open where one fails."""

import threading

import pytest

from rtmcli.errors import DataError
from rtmcli.media.expand import ListedSource
from rtmcli.media.frame_source import Media
from rtmcli.media.open_several import open_several


def media(name: str, closed: list[str]) -> Media:
    return Media(name, (picture for picture in ()), close=lambda: closed.append(name))


def test_cameras_are_opened_at_the_same_time_and_come_in_order() -> None:
    met = threading.Barrier(8, timeout=20)

    def open_one(source: ListedSource) -> Media:
        met.wait()  # broken unless all eight are being opened
        return media(source.source, [])

    sources = [ListedSource(f"rtsp://host/{number}", f"cam {number}") for number in range(8)]
    assert [one.source for one in open_several(open_one, sources)] == [one.source for one in sources]


def test_where_one_fails_the_others_are_closed_and_later_files_are_not_opened() -> None:
    closed: list[str] = []
    tried: list[str] = []

    def open_one(source: ListedSource) -> Media:
        tried.append(source.source)
        if source.source == "missing.mp4":
            raise DataError("missing.mp4: no such file")
        return media(source.source, closed)

    sources = [ListedSource(name) for name in ("rtsp://host/1", "a.mp4", "missing.mp4", "b.mp4")]
    with pytest.raises(DataError, match="no such file"):
        open_several(open_one, sources)
    assert sorted(closed) == ["a.mp4", "rtsp://host/1"] and "b.mp4" not in tried
