"""The page as a file: its numbers are the records', it holds no link to a network, and names in it are only text."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.records.frame import Frame
from rtmcli.view.page import asset, fill
from rtmcli.view.run import write_page
from tests.helpers.clips import write_clip
from tests.helpers.posed import SIZE, frame, person
from tests.helpers.view_pages import PageClip, element_text, page_data

HAS_BOKEH = importlib.util.find_spec("bokeh") is not None


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "my clip.mp4", 10, fps=10, size=SIZE)


def moving(source: str, count: int = 10) -> list[Frame]:
    return [
        frame(n, person(5 + 3.3 * n, 7, 1), *([person(140, 7, 2)] if n > 4 else ()), source=source)
        for n in range(count)
    ]


def test_the_keypoints_of_the_page_are_those_of_the_records(clip: Path, tmp_path: Path) -> None:
    frames = moving(str(clip))
    frames[3].instances[0].keypoints[5] = np.nan
    frames[4].instances[0].extra["angles"] = {"right_knee": 33.33}
    write_page(frames, tmp_path / "page.html")
    page = PageClip(tmp_path / "page.html")
    assert page.rows(0) == list(range(10)) and page.rows(1) == list(range(5, 10))
    wanted = np.stack([f.instances[0].keypoints for f in frames])
    got = page.keypoints(0)
    assert np.isnan(got[3, 5]).all()
    assert np.nanmax(np.abs(got - wanted)[..., :2]) <= 1 / 32
    assert np.nanmax(np.abs(got - wanted)[..., 2]) <= 1 / 200
    times = page.entry["begin"] + page.array(page.entry["times"]) * 1e-4
    assert times == pytest.approx([n / 10 for n in range(10)])
    assert page.angle(0, "right_knee")[4] == pytest.approx(33.3)


def test_the_video_is_linked_relative_to_the_page_or_embedded(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    linked, embedded = tmp_path / "pages/linked.html", tmp_path / "embedded.html"
    write_page(moving(str(clip)), linked)
    backdrop = page_data(linked)["clips"][0]["backdrop"]
    assert backdrop == {"kind": "video", "links": ["../my%20clip.mp4"], "embedded": 0, "start": 0.0}
    write_page(moving(str(clip)), embedded, embed=True)
    assert page_data(embedded)["clips"][0]["backdrop"]["embedded"] == 1
    assert embedded.stat().st_size > linked.stat().st_size + clip.stat().st_size


def test_a_page_without_its_video_is_small(clip: Path, tmp_path: Path) -> None:
    write_page(moving(str(clip)), tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size < (2_000_000 if HAS_BOKEH else 100_000)


@pytest.mark.skipif(not HAS_BOKEH, reason="needs the extra view")
def test_there_are_plots_of_angles_only_where_there_are_angles(clip: Path, tmp_path: Path) -> None:
    write_page(moving(str(clip)), tmp_path / "page.html")
    assert '"angle-lines"' not in element_text(tmp_path / "page.html", "page-data")
    frames = moving(str(clip))
    frames[0].instances[0].extra["angles"] = {"right_knee": 1.0}
    write_page(frames, tmp_path / "page.html")
    assert '"angle-lines"' in element_text(tmp_path / "page.html", "page-data")


def test_without_bokeh_the_page_has_no_plots_and_a_note_says_how_to_get_them(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rtmcli.view.run.are_plots_available", lambda: False)
    write_page(moving(str(clip)), tmp_path / "page.html")
    assert page_data(tmp_path / "page.html")["plots"] is None
    assert "pip install 'rtmcli[view]'" in capsys.readouterr().err


def test_names_from_records_cannot_end_an_element_of_the_page(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><!--SCRIPTS-->"
    frames = moving(hostile)
    frames[0].instances[0].label = hostile
    write_page(frames, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "<script>alert(1)" not in text
    entry = page_data(tmp_path / "page.html")["clips"][0]
    assert entry["name"] == hostile and entry["tracks"][0]["label"] == hostile


def test_the_page_allows_no_connection(clip: Path, tmp_path: Path) -> None:
    write_page(moving(str(clip)), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "default-src 'none'" in text and "connect-src" not in text
    own = [asset(name) for name in ("page.html", "style.css", "main.js", "data.js", "player.js")]
    assert not any(word in text for text in own for word in ("http:", "https:", "@import", "fetch("))


def test_parts_are_not_searched_for_marks() -> None:
    assert fill("<!--A--> <!--B--> <!--A-->", {"A": "<!--B-->", "B": "x"}) == "<!--B--> x <!--B-->"


def test_a_page_of_no_records_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no records"):
        write_page([], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_people_without_a_known_skeleton_are_shown_as_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = moving("gone.mp4", 2)
    for one in frames:
        one.skeleton = "mine"
    write_page(frames, tmp_path / "page.html")
    skeleton = page_data(tmp_path / "page.html")["skeletons"]["mine/17"]
    assert skeleton["names"][3] == "3" and not skeleton["links"]
    assert "name theirs with --skeleton" in capsys.readouterr().err
    assert (
        json.loads(element_text(tmp_path / "page.html", "page-data"))["clips"][0]["backdrop"]["kind"]
        == "none"
    )
