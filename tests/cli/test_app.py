"""What every verb has in common: help, wrong usage and errors in one line."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli import __version__
from rtmcli.cli.app import VERBS
from tests.helpers.shell import Shell


def test_version_and_help_go_to_stdout(sh: Shell) -> None:
    assert sh("rtm --version").stdout == f"rtm {__version__}\n".encode()
    text = sh("rtm --help").stdout.decode()
    order = list(VERBS)
    assert re.findall(r"^  ([a-z]+)  ", text, re.MULTILINE)[-len(order) :] == order


def test_rtm_alone_shows_help_and_ends_with_2(sh: Shell) -> None:
    run = sh("rtm")
    assert run.returncode == 2 and run.stdout == b"" and b"Usage: rtm" in run.stderr


@pytest.mark.parametrize("verb", VERBS)
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
            "rtm track: invalid value for '--max-gap': -1.0 is not in the range x>=0; see 'rtm track --help'",
        ),
        (
            "rtm nms --oks",
            "rtm nms: option '--oks' requires an argument; see 'rtm nms --help'",
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


def test_a_missing_system_library_is_one_line_with_the_remedy(sh: Shell, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((64, 64, 3), np.uint8))
    run = sh(
        "mkdir cv2; echo 'raise ImportError(\"libGL.so.1: cannot open shared object file: No such file or directory\")'"
        " > cv2/__init__.py; PYTHONPATH=. rtm detect picture.png"
    )
    assert run.returncode == 4 and run.stderr.count(b"\n") == 1
    assert b"libGL.so.1" in run.stderr and b"apt-get install libgl1" in run.stderr
