"""Cameras are opened at the same time, files one after the other, and none stays open where one fails."""

import json
import socket
import threading
from pathlib import Path

import pytest

from rtmcli.errors import DataError
from rtmcli.media.connection import Connection
from rtmcli.media.expand import ListedSource
from rtmcli.media.frame_source import Media
from rtmcli.media.open_several import open_several
from tests.helpers.clips import write_clip
from tests.helpers.jobs import Runner


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


def test_a_camera_that_cannot_be_opened_is_waited_for_while_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "a.mp4", 3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # nothing listens there any more
    (tmp_path / "cams.txt").write_text(f"door = {clip}\nyard = tcp://127.0.0.1:{port}\n")
    run = Runner(capsys)
    code = run("detect", tmp_path / "cams.txt", "--reconnect", "1", "--report", tmp_path / "r.jsonl")
    assert code == 3 and [line["source"] for line in run.lines] == ["door"] * 3
    first, *_, last = run.error.splitlines()
    assert first.endswith("; the other sources go on, and it is opened again, up to 1 s")
    assert last.startswith(f"rtm detect: yard: tcp://127.0.0.1:{port}: could not be opened within 1 s (")
    report = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [(line["source"], line["frames"], line["connected"]) for line in report] == [
        ("yard", 0, False),
        ("door", 3, None),
    ]


def test_a_wait_without_end_is_called_so() -> None:
    assert Connection(reconnect=float("inf")).patience == "without end"
