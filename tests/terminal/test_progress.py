"""The progress bar: one for each terminal, and none elsewhere."""

import os
import pty
import subprocess

RECORD = b'{"source":"a","frame":0,"instances":[{"box":[1.0,2.0,3.0,4.0]}]}\n'


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
