"""What every verb has in common: help, options from three places, errors in one line, completion."""

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli import __version__
from rtmcli.cli.app import VERBS, available_verbs
from tests.helpers.shell import Shell

COMPLETIONS = Path(__file__).parents[2] / "completions"
RECORD = b'{"source":"a","frame":0,"instances":[{"box":[1.0,2.0,3.0,4.0]}]}\n'


def test_version_and_help_go_to_stdout(sh: Shell) -> None:
    assert sh("rtm --version").stdout == f"rtm {__version__}\n".encode()
    text = sh("rtm --help").stdout.decode()
    order = [verb for verb in VERBS if verb in available_verbs()]
    assert re.findall(r"^  ([a-z]+)  ", text, re.MULTILINE)[-len(order) :] == order


def test_rtm_alone_shows_help_and_ends_with_2(sh: Shell) -> None:
    run = sh("rtm")
    assert run.returncode == 2 and run.stdout == b"" and b"Usage: rtm" in run.stderr


@pytest.mark.parametrize("verb", available_verbs())
def test_every_verbs_help_has_an_example_and_the_common_options(sh: Shell, verb: str) -> None:
    run = sh(f"rtm {verb} --help")
    text = run.stdout.decode()
    assert run.returncode == 0 and f"Usage: rtm {verb}" in text
    assert "rtm " in text.split("Example", 1)[1]
    if "Commands:" not in text:
        for option in ("--quiet", "--verbose", "--json-errors", "--no-progress"):
            assert option in text


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("rtm trak", "rtm: no such verb 'trak'; did you mean track? 'rtm --help' lists them"),
        ("rtm xyz", "rtm: no such verb 'xyz'; 'rtm --help' lists them"),
        (
            "rtm track --mehtod iou",
            "rtm track: no such option --mehtod; did you mean --method? 'rtm track --help' lists them",
        ),
        (
            "rtm track --max-gap=-1",
            "rtm track: invalid value for '--max-gap': -1.0 is not in the range x>=0; 'rtm track --help' tells more",
        ),
        (
            "rtm nms --oks",
            "rtm nms: option '--oks' requires an argument; 'rtm nms --help' tells more",
        ),
    ],
)
def test_wrong_usage_is_one_sentence_with_the_remedy(sh: Shell, command: str, message: str) -> None:
    run = sh(command)
    assert (run.returncode, run.stdout, run.stderr.decode()) == (2, b"", message + "\n")


def test_errors_are_json_where_asked_for(sh: Shell) -> None:
    for command in ("rtm track --json-errors nowhere", "rtm --json-errors track nowhere"):
        run = sh(command)
        assert run.returncode == 3
        assert json.loads(run.stderr) == {
            "verb": "track",
            "error": "cannot read nowhere: No such file or directory",
            "exit_code": 3,
        }
    assert json.loads(sh("rtm track --json-errors --nothing").stderr)["exit_code"] == 2


def test_a_traceback_is_shown_only_with_v(sh: Shell) -> None:
    assert b"Traceback" not in sh("rtm track nowhere").stderr
    verbose = sh("rtm track -v nowhere").stderr
    assert b"Traceback" in verbose and verbose.endswith(b"No such file or directory\n")


def kept(sh: Shell, options: str = "", config: str = "", **variables: str) -> int:
    """How many of two poses, OKS 0.96 apart, `rtm nms` keeps under these settings (its default keeps one)."""
    pose = ",".join(f"[{10 + 3 * k},{20 + 5 * k},0.9]" for k in range(17))
    moved = ",".join(f"[{12 + 3 * k},{20 + 5 * k},0.9]" for k in range(17))
    box = '"box":[0,0,60,110],"score":0.9'
    record = (
        '{"source":"a","frame":0,"skeleton":"coco17","instances":'
        f'[{{{box},"keypoints":[{pose}]}},{{{box},"keypoints":[{moved}]}}]}}'
    )
    run = sh(
        f"mkdir -p home; cat > in; printf '%s' '{config}' > home/config.toml; RTM_HOME=home rtm nms {options} in",
        record.encode(),
        **variables,
    )
    assert run.returncode == 0, run.stderr
    return len(json.loads(run.stdout)["instances"])


def test_an_option_comes_from_its_flag_then_the_environment_then_the_config_file(sh: Shell) -> None:
    assert kept(sh) == 1
    assert kept(sh, "--oks 0.99") == 2
    assert kept(sh, RTM_OKS="0.99") == 2
    assert kept(sh, RTM_NMS_OKS="0.99", RTM_OKS="0.5") == 2
    assert kept(sh, config="[nms]\noks = 0.99\n") == 2
    assert kept(sh, config="oks = 0.99\n[track]\noks = 0.5\n") == 2
    assert kept(sh, "--oks 0.5", RTM_OKS="0.99", config="oks = 0.99\n") == 1
    assert kept(sh, RTM_OKS="0.5", config="oks = 0.99\n") == 1
    assert (
        kept(sh, RTM_RECORDS="nowhere", RTM_QUIET="1") == 1
    )  # an argument has no default; a common flag has


def test_a_bad_value_from_the_environment_names_the_variable(sh: Shell) -> None:
    run = sh("rtm nms", RTM_OKS="high")
    assert run.returncode == 2 and b"(from RTM_OKS)" in run.stderr


def test_a_config_file_that_is_not_toml_is_named(sh: Shell) -> None:
    run = sh("echo 'a b' > config.toml; RTM_HOME=. rtm nms")
    assert run.returncode == 2 and b"config.toml is not TOML" in run.stderr


def test_a_missing_system_library_is_one_line_with_the_remedy(sh: Shell, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((64, 64, 3), np.uint8))
    run = sh(
        "mkdir cv2; echo 'raise ImportError(\"libGL.so.1: cannot open shared object file: No such file or directory\")'"
        " > cv2/__init__.py; PYTHONPATH=. rtm detect picture.png"
    )
    assert run.returncode == 4 and run.stderr.count(b"\n") == 1
    assert b"libGL.so.1" in run.stderr and b"apt-get install libgl1" in run.stderr


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
    assert complete("rtm track --method ", 3) == ["iou", "oks"]


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


def on_terminal(environment: dict[str, str], command: list[str], given: bytes) -> tuple[bytes, bytes]:
    """stdout of a command, and what it shows on a terminal that is its stderr."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=follower, env=environment
    )
    os.close(follower)
    out, _ = process.communicate(given, timeout=60)
    shown = b""
    try:
        while chunk := os.read(leader, 65536):
            shown += chunk
    except OSError:  # Linux: the other end is closed
        pass
    os.close(leader)
    return out, shown


def test_the_bar_is_on_a_terminal_only_and_can_be_switched_off(environment: dict[str, str]) -> None:
    given = b"".join(RECORD.replace(b'"frame":0', b'"frame":%d,"frames":40' % n) for n in range(40))
    environment = {**environment, "TERM": "xterm", "COLUMNS": "100"}
    out, shown = on_terminal(environment, ["rtm", "track"], given)
    assert out.count(b"\n") == 40 and b"/40" in shown and b"track" in shown
    for flag in ("-q", "--no-progress"):
        out, shown = on_terminal(environment, ["rtm", "track", flag], given)
        assert out.count(b"\n") == 40 and shown == b""


def test_one_terminal_shows_one_bar(environment: dict[str, str]) -> None:
    """The first verb keeps the terminal until its stream ends, here until the second has had a frame too."""
    environment = {**environment, "TERM": "xterm", "COLUMNS": "100"}
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", "rtm track | rtm nms"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=follower,
        env=environment,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(RECORD)
    process.stdin.flush()
    assert process.stdout.readline()
    shown = os.read(leader, 65536)
    process.communicate(timeout=60)
    os.close(follower)
    os.close(leader)
    assert b"track" in shown and b"nms" not in shown
