"""The examples of docs/scale.md with xargs and GNU parallel, as they stand there."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.examples import SHELL, code_blocks
from tests.helpers.jobs import contents, write_clips
from tests.helpers.shell import Shell

PAGE = Path(__file__).parents[2] / "docs/scale.md"


@pytest.mark.parametrize("tool", ["xargs", pytest.param("parallel", marks=pytest.mark.slow)])
def test_shards_by_other_programs_give_the_bytes_of_one_run(sh: Shell, tmp_path: Path, tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}")
    write_clips(tmp_path / "clips", 5, frames=3)
    (script,) = [block for block in code_blocks(PAGE.read_text(), SHELL) if f"{tool} -" in block]
    # The examples estimate poses; boxes are found faster.
    done = sh(script.replace("rtm pose", "rtm detect"))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "out/.part").exists()
    whole = sh("rtm detect 'clips/*.mp4' -o whole")
    assert whole.returncode == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole") and len(contents(tmp_path / "out")) == 5
