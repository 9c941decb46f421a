"""Verbs in a pipe give what one verb gives; a reader that goes away leaves intact files."""

from pathlib import Path

from rtmcli.media import open_media
from tests.helpers.shell import Shell

DEMO = "demo --max-frames 6"


def test_detect_piped_into_pose_is_pose(sh: Shell) -> None:
    done = sh(
        f"rtm detect {DEMO} | rtm pose > two.jsonl && rtm pose {DEMO} > one.jsonl && cmp one.jsonl two.jsonl"
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_pose_track_is_pose_piped_into_track(sh: Shell) -> None:
    done = sh(
        f"rtm pose {DEMO} --track > a.jsonl && rtm pose {DEMO} | rtm track > b.jsonl && cmp a.jsonl b.jsonl"
    )
    assert done.returncode == 0, done.stderr


def test_a_reader_that_goes_away_leaves_an_intact_recording(sh: Shell, tmp_path: Path) -> None:
    done = sh("rtm pose demo --draw drawn.mp4 | head -2")
    assert done.stdout.count(b"\n") == 2 and done.stderr == b""
    assert 1 <= len(list(open_media(tmp_path / "drawn.mp4"))) < 100
    assert [path.name for path in tmp_path.iterdir()] == ["drawn.mp4"]
