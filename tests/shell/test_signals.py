"""How a verb ends that is interrupted, or whose neighbours in the pipe go away: quietly, with whole lines."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers.shell import Shell

RECORD = (
    b'{"source":"a","frame":%d,"time":%d.5,"instances":[{"id":1,"box":[1.0,2.0,3.0,4.0],"score":0.5}]%s}\n'
)


def records(count: int, size: int = 0) -> bytes:
    blob = b',"blob":"' + b"x" * size + b'"' if size else b""
    return b"".join(RECORD % (n, n, blob) for n in range(count))


@contextmanager
def running(environment: dict[str, str], verb: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        ["rtm", verb], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_first_line_is_out_before_stdin_closes(environment: dict[str, str]) -> None:
    for verb in ("track", "smooth", "angles", "nms"):
        with running(environment, verb) as process:
            assert process.stdin and process.stdout
            process.stdin.write(records(1))
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], 30)
            assert ready and json.loads(process.stdout.readline())["frame"] == 0


@pytest.mark.parametrize("size", [0, 200_000], ids=["short lines", "lines longer than a pipe"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupt_leaves_whole_lines_and_says_nothing(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals, size: int
) -> None:
    given = tmp_path / "in"
    given.write_bytes(records(20_000 if not size else 300, size))
    with given.open("rb") as stdin:
        process = subprocess.Popen(
            ["rtm", "nms"], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
    assert process.stdout and process.stderr
    out = process.stdout.read(1000)
    process.send_signal(number)
    out += process.stdout.read()
    assert process.wait(30) == -number
    assert process.stderr.read() == b""
    assert out.endswith(b"\n") and len(out) < given.stat().st_size
    for line in out.splitlines():
        json.loads(line)


def test_a_second_interrupt_ends_a_verb_whose_reader_reads_no_more(
    environment: dict[str, str], tmp_path: Path
) -> None:
    given = tmp_path / "in"
    given.write_bytes(records(300, 200_000))
    with given.open("rb") as stdin:
        process = subprocess.Popen(["rtm", "nms"], stdin=stdin, stdout=subprocess.PIPE, env=environment)
    assert process.stdout
    process.stdout.read(1000)  # it runs, and soon fills the pipe
    for _ in range(2):
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
    assert process.wait(30) == -signal.SIGINT
    process.stdout.close()


def test_a_reader_that_goes_away_ends_the_verb_by_sigpipe(sh: Shell) -> None:
    run = sh('cat > in; rtm nms < in | head -1; echo "${PIPESTATUS[0]}" >&2', records(20_000))
    assert run.stdout == records(1)
    assert run.stderr == b"141\n"


def test_no_process_is_left_behind_by_head(sh: Shell) -> None:
    run = sh(
        "cat > in; rtm track < in | rtm smooth | rtm nms | head -1 > one; wait; jobs -r; ps -o stat= --ppid $$",
        records(20_000),
    )
    assert b"Z" not in run.stdout


def test_a_full_disk_is_one_line(sh: Shell) -> None:
    for count in (1, 20_000):  # the last block, written at the end, and one in the middle
        run = sh("rtm track > /dev/full", records(count))
        assert run.returncode == 1
        assert run.stderr == b"rtm track: cannot write to standard output: No space left on device\n"


def test_a_full_disk_also_stops_help_and_schema(sh: Shell) -> None:
    for verb in ("--help", "schema", "--version"):
        run = sh(f"rtm {verb} > /dev/full")
        assert run.returncode == 1 and run.stderr.count(b"\n") == 1 and b"No space left" in run.stderr


def test_a_closed_standard_input_says_what_to_do(sh: Shell) -> None:
    run = sh("rtm track <&-")
    assert run.returncode == 2
    assert (
        run.stderr.count(b"\n") == 1 and b"waits for records on standard input, which is closed" in run.stderr
    )


def test_a_closed_standard_output_is_one_line(sh: Shell) -> None:
    run = sh("rtm track >&-", records(1))
    assert (
        run.returncode == 1
        and run.stderr == b"rtm track: standard output is closed; redirect it to a file or a pipe\n"
    )


def test_a_closed_standard_error_changes_nothing(sh: Shell) -> None:
    assert sh("rtm track 2>&-", records(1)).stdout.count(b"\n") == 1
    assert sh("rtm trak 2>&-").returncode == 2


def test_a_verb_that_waits_for_records_on_a_terminal_says_so(environment: dict[str, str]) -> None:
    for verb in ("track", "smooth", "angles", "nms"):
        leader, follower = pty.openpty()
        run = subprocess.run(
            ["rtm", verb], stdin=follower, capture_output=True, env=environment, timeout=60, check=False
        )
        os.close(leader)
        os.close(follower)
        assert run.returncode == 2 and run.stderr.count(b"\n") == 1
        assert b"waits for records on standard input, which is a terminal" in run.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupt_in_the_middle_of_a_video_leaves_whole_lines(
    environment: dict[str, str], data_dir: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        ["rtm", "pose", str(data_dir / "videos" / "vtest_pedestrians.mp4")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout and process.stderr
    out = process.stdout.readline()
    process.send_signal(number)
    out += process.stdout.read()
    assert process.wait(60) == -number and process.stderr.read() == b""
    assert out.endswith(b"\n") and 0 < len(out.splitlines()) < 100
    for line in out.splitlines():
        json.loads(line)


def test_records_to_a_file_are_whole_lines_when_interrupted(
    environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with out.open("wb") as stdout:
        process = subprocess.Popen(["rtm", "nms"], stdin=subprocess.PIPE, stdout=stdout, env=environment)
        assert process.stdin
        process.stdin.write(records(5000))
        process.stdin.flush()
        while out.stat().st_size == 0 and process.poll() is None:  # a file is written in blocks
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT
    lines = out.read_bytes().splitlines(keepends=True)
    assert lines and b"".join(lines) == records(5000)[: sum(map(len, lines))] and lines[-1].endswith(b"\n")


LOOP = 'for clip in a b c; do rtm nms < "$clip" > "$clip.out"; done; echo "the loop went on"'


def test_control_c_ends_the_loop_of_a_shell_and_not_just_one_clip(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """The terminal sends SIGINT to the whole group; bash ends a loop only where the program died of the signal."""
    for name in "abc":
        os.mkfifo(tmp_path / name)
    group = subprocess.Popen(
        ["bash", "-c", LOOP], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    with open(tmp_path / "a", "wb") as clip:  # rtm has opened it
        clip.write(records(1))
        clip.flush()
        while not (tmp_path / "a.out").exists():
            time.sleep(0.05)
        time.sleep(2)  # time for the interpreter to start and to install its handlers
        os.killpg(group.pid, signal.SIGINT)
        out, _ = group.communicate(timeout=30)
    assert group.returncode == -signal.SIGINT and out == b""
    assert not (tmp_path / "b.out").exists()


@pytest.mark.parametrize(("number", "status"), [("INT", 130), ("TERM", 143)])
def test_a_shell_sees_130_and_143(sh: Shell, number: str, status: int) -> None:
    run = sh(
        # Without job control (set -m) a shell's background jobs ignore SIGINT.
        "set -m; mkfifo in; rtm nms < in > >(cat > out) & exec 3> in; cat >&3; "
        f'while [ ! -s out ]; do sleep 0.1; done; kill -s {number} %1; wait %1; echo "$?"',
        records(1),
    )
    assert int(run.stdout.split()[-1]) == status


def test_an_interrupted_bench_ends_the_process_that_measures(environment: dict[str, str]) -> None:
    command = ["rtm", "bench", "--models", "rtmpose-t", "--warmup", "0", "--runs", "100000"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True
    )
    assert process.stdout and process.stderr
    process.stdout.readline()  # the machine
    time.sleep(3)  # time for the measuring process to start
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)  # its pipes are closed: nobody is left
    assert (process.returncode, out, err) == (-signal.SIGINT, b"", b"")
