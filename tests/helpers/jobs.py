"""Folders of jobs: what they hold, and a folder of small clips."""

import json
from pathlib import Path

import pytest

from rtmcli.cli.app import main
from tests.helpers.clips import write_clip


def write_clips(folder: Path, count: int, *, frames: int = 6, broken: tuple[int, ...] = ()) -> list[Path]:
    """Clips of a few frames named by their numbers; the broken ones hold no video."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = [folder / f"{number:02d}.mp4" for number in range(count)]
    for number, clip in enumerate(clips):
        if number in broken:
            clip.write_bytes(b"not a video" * 50)
        else:
            write_clip(clip, range(number, number + frames))
    return clips


def contents(folder: Path) -> dict[str, bytes]:
    """The finished files of a job by name; what is unfinished, and `job.json`, left out."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in files.items()
        if name != "job.json" and not name.startswith(".part/")
    }


class Runner:
    """Runs rtm in this process; what it wrote is in `lines` (standard output) and `error` (standard error)."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.lines: list[dict] = []
        self.error = ""

    def __call__(self, *arguments: str | Path) -> int:
        code = main([str(argument) for argument in arguments])
        out, self.error = self._capsys.readouterr()
        self.lines = [json.loads(line) for line in out.splitlines()]
        return code
