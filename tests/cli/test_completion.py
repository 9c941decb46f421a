"""Completion in the shells."""

from pathlib import Path

import pytest

from tests.helpers.shell import Shell

COMPLETIONS = Path(__file__).parents[2] / "completions"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_files_are_fresh(sh: Shell, shell: str) -> None:
    run = sh("rtm", _RTM_COMPLETE=f"source_{shell}")
    assert run.stdout == (COMPLETIONS / f"rtm.{shell}").read_bytes()


def test_completion_knows_verbs_options_and_values(sh: Shell) -> None:
    def complete(words: str, at: int) -> list[str]:
        run = sh("rtm", _RTM_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(at))
        return run.stdout.decode().split()

    assert complete("rtm tr", 1)[0] == "track"
    assert "--max-gap" in complete("rtm track --m", 2)
    assert {"iou", "oks"} <= set(complete("rtm track --method ", 3))
    assert complete("rtm convert --to co", 3) == ["coco", "coco-labels"]
    assert {"parquet", "sleap", "nwb", "dlc"} <= set(complete("rtm convert --from ", 3))


def test_bash_completes_with_the_installed_file(sh: Shell) -> None:
    script = (
        f"source {COMPLETIONS / 'rtm.bash'}; COMP_WORDS=(rtm sm); COMP_CWORD=1; _rtm_completion rtm sm rtm; "
        'echo "${COMPREPLY[@]}"'
    )
    assert sh(script).stdout.strip() == b"smooth"


def test_install_completion_writes_into_the_home_folder(sh: Shell, tmp_path: Path) -> None:
    run = sh("rtm --install-completion; true", HOME=str(tmp_path), SHELL="/bin/bash")
    assert b"bash completion installed in" in run.stdout
    assert (tmp_path / ".bash_completions" / "rtm.sh").read_text().count("_RTM_COMPLETE=complete_bash") == 1
