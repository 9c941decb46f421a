"""Verbs do their main job in poor environments: no home, no shared memory, closed streams, narrow terminals."""

import json
import os
import pty
import struct
import subprocess
from pathlib import Path

import pytest

from tests.helpers.shell import PYTHON, Shell

POSE = "rtm pose demo --max-frames 2"
# Imported by every Python that starts with the folder in PYTHONPATH: a user without an entry in the password file.
NO_PASSWORD_ENTRY = """
import pwd
def getpwuid(number): raise KeyError(f"getpwuid(): uid not found: {number}")
pwd.getpwuid = getpwuid
"""
# In a mount namespace of its own: /dev/shm cannot be written, so neither shared memory nor semaphores can be made.
WITHOUT_SHARED_MEMORY = "unshare -m bash -c 'mount -t tmpfs -o ro tmpfs /dev/shm; exec \"$@\"' sh "
# As root without the right to pass over permissions, so that a folder without write permission is one for root too.
ORDINARY = "setpriv --bounding-set=-dac_override,-dac_read_search,-fowner " if os.geteuid() == 0 else ""


def lines(stdout: bytes) -> int:
    return stdout.count(b"\n")


@pytest.fixture
def without_home(tmp_path: Path) -> str:
    """The beginning of a command that runs it without HOME and without an entry in the password file."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(NO_PASSWORD_ENTRY)
    return f"env -u HOME -u RTM_HOME -u XDG_DATA_HOME PYTHONPATH={hooks}:$PYTHONPATH"


def needs(sh: Shell, command: str) -> None:
    """Skip where this machine does not allow what simulates the environment."""
    if command and sh(f"{command} true").returncode != 0:
        pytest.skip(f"this machine does not allow: {command}")


def test_pose_works_without_a_home_and_a_password_entry(sh: Shell, without_home: str) -> None:
    done = sh(f"{without_home} {POSE}")
    assert done.returncode == 0 and lines(done.stdout) == 2, done.stderr
    done = sh(f"{without_home} rtm detect demo --max-frames 2 --engine auto")
    assert done.returncode == 0 and lines(done.stdout) == 2, done.stderr


def test_models_are_listed_without_a_home_and_pull_names_the_remedy(sh: Shell, without_home: str) -> None:
    assert lines(sh(f"{without_home} rtm models").stdout) > 50
    assert sh(f"{without_home} rtm models verify").returncode == 0
    done = sh(f"{without_home} rtm models pull rtmpose-m")
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and b"RTM_HOME" in done.stderr


@pytest.mark.parametrize("home", ["/dev/null", "unwritable"])
def test_pose_works_with_a_home_that_cannot_be_written(sh: Shell, home: str) -> None:
    needs(sh, ORDINARY)
    command = f"mkdir unwritable; chmod 500 unwritable; env -u RTM_HOME HOME={home} {ORDINARY}"
    done = sh(f"{command} {POSE}")
    assert done.returncode == 0 and lines(done.stdout) == 2, done.stderr
    done = sh(f"{command.removeprefix('mkdir unwritable; ')} rtm models pull rtmpose-m")
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and b"RTM_HOME" in done.stderr


@pytest.mark.parametrize(
    ("command", "code", "count"),
    [
        (f"{POSE} --draw drawn.mp4 && test -s drawn.mp4", 0, 2),
        ("rtm models show rtmpose-t", 0, 1),
        ("rtm models bundle rtmpose-t -o a.tar", 0, 1),
        ("rtm pose nowhere.mp4", 3, 0),
        ("rtm trak", 2, 0),
    ],
)
def test_a_closed_stderr_neither_stops_a_verb_nor_sends_its_notes_to_stdout(
    sh: Shell, command: str, code: int, count: int
) -> None:
    done = sh(f"exec 2>&-; {command}")
    assert (done.returncode, lines(done.stdout), done.stderr) == (code, count, b"")


def test_a_drawn_video_is_intact_where_every_other_stream_is_closed(sh: Shell) -> None:
    """A closed descriptor is given to the next file that is opened, into which libraries then print."""
    done = sh(f"{POSE} --draw drawn.mp4 <&- 2>&-; exec 2>&-; rtm detect drawn.mp4 | wc -l")
    assert done.stdout.splitlines()[-1].strip() == b"2"


def test_a_working_directory_that_cannot_be_written_stops_nothing(sh: Shell, tmp_path: Path) -> None:
    needs(sh, ORDINARY)
    done = sh(
        f"mkdir here; chmod 500 here; cd here; {ORDINARY}{POSE} --draw ../drawn.mp4 && test -s ../drawn.mp4"
    )
    assert done.returncode == 0 and lines(done.stdout) == 2, done.stderr
    done = sh(f"cd here; {ORDINARY}{POSE} --draw drawn.mp4")
    assert done.returncode == 1 and b"cannot write drawn.mp4: Permission denied" in done.stderr


def test_pose_and_bench_work_without_shared_memory(sh: Shell) -> None:
    needs(sh, WITHOUT_SHARED_MEMORY)
    done = sh(f"{WITHOUT_SHARED_MEMORY}{POSE}")
    assert done.returncode == 0 and lines(done.stdout) == 2, done.stderr
    done = sh(f"{WITHOUT_SHARED_MEMORY}rtm bench --models rtmpose-t --runs 1 --warmup 0")
    assert done.returncode == 0 and "ms" in json.loads(done.stdout.splitlines()[1]), done.stderr


def test_training_draws_its_samples_in_one_process_without_shared_memory(sh: Shell, dots: Path) -> None:
    needs(sh, WITHOUT_SHARED_MEMORY)
    toy = " ".join(
        f"--set {change}" for change in ("width=64", "height=64", "batch=4", "epochs=1", "warmup=2")
    )
    files = f"--data {dots}/labels.json --images {dots}/images"
    done = sh(f"{WITHOUT_SHARED_MEMORY}rtm train rtmpose-t {files} {toy} --workers 2 --out run")
    assert done.returncode == 0, done.stderr
    assert b"no shared memory" in done.stderr


def test_half_a_cpu_by_quota_is_one_thread(sh: Shell, tmp_path: Path) -> None:
    """The control group's files are replaced; a quota itself needs rights that a test has not."""
    hook = """
import rtmcli.cpus
rtmcli.cpus._quota = lambda *_: 0.5
from rtmcli.cli.app import main
main(["pose", "demo", "--max-frames", "2"])
"""
    (tmp_path / "half.py").write_text(hook)
    done = sh(f"{PYTHON} half.py")
    assert done.returncode == 0 and lines(done.stdout) == 2, done.stderr


def on_terminal(environment: dict[str, str], command: str, *, columns: int = 80, **extra: str) -> str:
    """What a command shows on a terminal of this width; it must end with 0."""
    import fcntl
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**environment, "TERM": "xterm", **extra}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        ["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=follower, stderr=follower, env=environment
    )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 65536):
            shown += chunk
    except OSError:  # Linux: the other end is closed
        pass
    os.close(leader)
    assert process.wait(60) == 0, shown
    return shown.decode()


def test_a_dumb_terminal_gets_no_escape_sequences(environment: dict[str, str]) -> None:
    for command in ("rtm models --task hand", "rtm models show rtmpose-t", f"{POSE} > /dev/null"):
        assert "\x1b" not in on_terminal(environment, command, TERM="dumb")


def test_twenty_columns_are_enough(environment: dict[str, str]) -> None:
    shown = on_terminal(environment, "rtm models --task hand", columns=20)
    assert "rtmdet-nano-hand" in shown  # a name is there to be copied: it may be folded, never cut
    shown = on_terminal(environment, f"{POSE} > /dev/null", columns=20)
    assert "/2" in shown
    assert "--det-every" in on_terminal(environment, "rtm pose --help", columns=20)


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_an_ascii_locale_shows_tables_and_names_that_it_has_no_characters_for(
    environment: dict[str, str], sh: Shell
) -> None:
    assert "rtmpose-m-hand21" in on_terminal(environment, "rtm models --task hand", **ASCII)
    done = sh("rtm pose 'M\u00fcnchen/\u6b69.mp4'", **ASCII)
    assert done.returncode == 3 and done.stderr.count(b"\n") == 1
