"""`rtm track` by its options: online, with lookahead, offline, gaps filled, a summary."""

import json
from pathlib import Path

import pytest

from rtmcli import read_frames, write_frames
from rtmcli.cli.app import main
from tests.helpers.track_scenes import SCENES


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "pillar.jsonl"
    write_frames(SCENES["pillar"](0).frames, path)
    return str(path)


@pytest.mark.parametrize("arguments", [[], ["--lookahead", "1"], ["--offline"], ["--method", "iou"]])
def test_every_way_gives_two_people_two_ids(
    file: str, arguments: list[str], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["track", file, *arguments]) == 0
    (tmp_path / "out.jsonl").write_bytes(capfdbinary.readouterr().out)
    frames = list(read_frames(tmp_path / "out.jsonl"))
    assert [frame.frame for frame in frames] == [frame.frame for frame in read_frames(file)]
    assert {i.id for frame in frames for i in frame.instances} == {1, 2}


def test_filled_people_are_marked(
    file: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["track", file, "--offline", "--fill", "1"]) == 0
    (tmp_path / "out.jsonl").write_bytes(capfdbinary.readouterr().out)
    hidden = [frame for frame in read_frames(tmp_path / "out.jsonl") if 2.1 < (frame.time or 0) < 2.8]
    assert hidden and all(len(frame.instances) == 2 for frame in hidden)
    assert all("filled" in i.extra for frame in hidden for i in frame.instances)


def test_the_summary_is_a_line_per_person(file: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["track", file, "--summary"]) == 0
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [line["id"] for line in lines] == [1, 2]
    assert all(line["longest_gap"] > 0.8 and line["frames"] > 140 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--offline", "--lookahead", "1"], "--lookahead has no effect with --offline"),
        (["--min-length", "1"], "--min-length has no effect without --offline"),
    ],
)
def test_options_that_do_not_go_together_are_errors(
    file: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", file, *arguments]) == 2
    assert message in capsys.readouterr().err
