"""Damage, pictures on the side and the demo clip, through the verbs that read pixels."""

import json
from pathlib import Path

from rtmcli.media import open_media
from tests.helpers.clips import half, write_clip
from tests.helpers.shell import Shell


def test_a_cut_video_gives_its_lines_then_one_sentence_and_exit_code_3(sh: Shell, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "a.mkv", 60, noise=40)
    cut = half(whole)
    done = sh(f"rtm detect {cut.name}")
    lines = done.stdout.splitlines()
    assert done.returncode == 3 and done.stderr.count(b"\n") == 1
    assert f"truncated: {len(lines)} of about 60 frames".encode() in done.stderr
    assert [json.loads(line)["frame"] for line in lines] == list(range(len(lines))) and 20 < len(lines) < 45
    skipped = sh(f"rtm detect --on-error skip {cut.name}")
    # A frame behind a hole may come too.
    assert skipped.returncode == 0 and skipped.stdout.splitlines()[: len(lines)] == lines


def test_times_may_be_written_as_clocks_do(sh: Shell, tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", 60, fps=1)
    done = sh("rtm detect a.mp4 --start 0:57 --end 00:00:59")
    assert [json.loads(line)["time"] for line in done.stdout.splitlines()] == [57.0, 58.0]
    wrong = sh("rtm detect a.mp4 --start 1:75")
    assert wrong.returncode == 2 and b"mm:ss" in wrong.stderr and wrong.stderr.count(b"\n") == 1


def test_the_bundled_models_find_the_people_of_the_demo_clip(sh: Shell, tmp_path: Path) -> None:
    done = sh("rtm pose demo --every 10 --draw drawn.mp4")
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [f["frame"] for f in frames] == list(range(0, 250, 10))
    assert {f["source"] for f in frames} == {"demo"}
    assert all(any(person["score"] > 0.4 for person in f["instances"]) for f in frames)
    assert len(frames[0]["instances"]) >= 2  # both photographs are in view
    drawn = list(open_media(tmp_path / "drawn.mp4"))
    assert len(drawn) == 25 and abs((drawn[-1].time or 0) - 9.6) < 1e-3


def test_a_reader_that_leaves_ends_the_recording_whole(sh: Shell, tmp_path: Path) -> None:
    done = sh("rtm pose demo --draw drawn.mp4 | head -2")
    assert done.stdout.count(b"\n") == 2 and done.stderr == b""
    assert 1 <= len(list(open_media(tmp_path / "drawn.mp4"))) < 100
    assert [path.name for path in tmp_path.iterdir()] == ["drawn.mp4"]
