"""`rtm view` through its own command line."""

import re
import webbrowser
from pathlib import Path

import pytest

from rtmcli.cli.app import main
from rtmcli.records.ndjson import write_frames
from tests.helpers.clips import write_clip
from tests.helpers.posed import SIZE, frame, person
from tests.helpers.view_pages import PageClip, page_data


@pytest.fixture
def records(tmp_path: Path) -> Path:
    clip = write_clip(tmp_path / "clip.mp4", 6, fps=10, size=SIZE)
    path = tmp_path / "records.jsonl"
    write_frames([frame(n, person(5 + n, 5), source=str(clip)) for n in range(6)], path)
    return path


def test_a_page_is_written_and_nothing_on_standard_output(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert main(["view", str(records), "-o", str(page), "--min-score", "0.5", "--no-boxes"]) == 0
    assert capsys.readouterr().out == ""
    data = page_data(page)
    assert (data["minScore"], data["boxes"], data["ids"]) == (0.5, False, True)
    assert PageClip(page).rows(0) == list(range(6))


def test_open_shows_the_page_in_the_browser(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert main(["view", str(records), "-o", str(tmp_path / "page.html"), "--open"]) == 0
    assert opened == [(tmp_path / "page.html").as_uri()]


def test_a_page_without_a_name_is_an_error(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(records)]) == 2
    assert "name the page with -o page.html" in capsys.readouterr().err


def test_a_video_that_is_named_and_missing_is_an_error(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", str(records), "-o", str(tmp_path / "p.html"), "--video", "gone.mp4"]) == 3
    assert "gone.mp4: no such file" in capsys.readouterr().err
    assert not (tmp_path / "p.html").exists()


def test_live_prints_its_address_and_ends_with_its_input(
    records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", str(records), "--live"]) == 0
    out, err = capsys.readouterr()
    assert out == "" and re.fullmatch(r"rtm view: http://127\.0\.0\.1:\d+/[\w-]{20,}/\n", err)


@pytest.mark.parametrize("option", ["-o page.html", "--embed", "--compare a.jsonl", "--labels a.json"])
def test_options_of_the_file_have_no_effect_with_live(
    records: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", str(records), "--live", *option.split()]) == 2
    assert "with --live" in capsys.readouterr().err
