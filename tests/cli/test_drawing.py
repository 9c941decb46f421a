"""The window and the file beside the records."""

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rtmcli.cli.drawing import FrameDrawer, check_display
from rtmcli.errors import MissingError
from rtmcli.media import open_media
from rtmcli.records.frame import Frame, Instance


class FakeWindow:
    """Stands for OpenCV's window: keeps what is shown, presses the given keys, and may be closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, keys: list[int], visible: float = 1.0) -> None:
        self.shown: list[np.ndarray] = []
        self.keys = keys
        monkeypatch.setattr("rtmcli.cli.drawing.check_display", lambda: None)
        monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
        monkeypatch.setattr(cv2, "imshow", lambda _, image: self.shown.append(image))
        monkeypatch.setattr(cv2, "waitKey", lambda _: self.keys.pop(0))
        monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: visible)


def image() -> np.ndarray:
    return np.zeros((48, 64, 3), np.uint8)


def test_q_escape_and_closing_the_window_end_the_show(monkeypatch: pytest.MonkeyPatch) -> None:
    window = FakeWindow(monkeypatch, [-1, ord("x"), ord("q"), 27])
    with FrameDrawer(show=True) as drawer:
        went_on = [drawer.draw(image(), Frame("a", n)) for n in range(4)]
    assert went_on == [True, True, False, False] and len(window.shown) == 4
    FakeWindow(monkeypatch, [-1], visible=0.0)
    with FrameDrawer(show=True) as drawer:
        assert not drawer.draw(image(), Frame("a", 0))


def test_a_display_that_cannot_be_reached_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":77")
    codes: list[int] = [0, 134]

    def tried(*_: Any, **__: Any) -> Any:
        return subprocess.CompletedProcess([], codes.pop(0))

    monkeypatch.setattr(subprocess, "run", tried)
    check_display()
    with pytest.raises(MissingError, match="--draw"):
        check_display()


def test_frames_without_a_time_come_at_the_given_rate(tmp_path: Path) -> None:
    with FrameDrawer(out=str(tmp_path / "a.mp4"), fps=4) as drawer:
        for name in ("a.png", "b.png", "c.png"):
            assert drawer.draw(image(), Frame(name, 0))
    assert [p.time for p in open_media(tmp_path / "a.mp4")] == pytest.approx([0, 0.25, 0.5])


def test_a_clip_of_pictures_keeps_their_names_in_a_folder(tmp_path: Path) -> None:
    with FrameDrawer(out=str(tmp_path / "out")) as drawer:
        for n in range(2):
            frame = Frame("shots", n, time=n / 25)
            frame.extra["file"] = f"shots/s{n}.png"
            drawer.draw(image(), frame)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["s0.png", "s1.png"]


def test_frames_are_shown_in_a_browser_without_what_is_drawn_on_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = Frame("a", 3, instances=[Instance(box=np.array([2, 2, 40, 40], np.float32), id=1)])
    with FrameDrawer(out=str(tmp_path / "a.png"), browser=True) as drawer:
        address = capsys.readouterr().err.split()[-1]
        drawer.draw(image(), frame)
        shown = urllib.request.urlopen(address + "image", timeout=10).read()
        event = urllib.request.urlopen(address + "events", timeout=10).readline()
    assert json.loads(event[6:])["record"]["frame"] == 3
    pixels = cv2.imdecode(np.frombuffer(shown, np.uint8), 1)
    assert np.abs(pixels.astype(int) - image()).max() < 8
    assert np.abs(cv2.imread(str(tmp_path / "a.png")).astype(int) - image()).max() > 50
