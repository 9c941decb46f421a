"""A disk that took only a part of the last lines left a truncated file, and the verb ended with 0."""

import json
from pathlib import Path

from tests.helpers.shell import Shell

LINES = "".join(
    json.dumps({"source": "walk.mp4", "frame": n, "frames": 20, "instances": []}) + "\n" for n in range(20)
)
# The largest file is 1024 bytes; the signal that the system would send is ignored, so that writes fail.
LIMIT = "trap '' XFSZ; ulimit -f 1;"


def test_standard_output_that_takes_a_part_is_an_error(sh: Shell, tmp_path: Path) -> None:
    assert 1024 < len(LINES) < 4096  # one write, of which a part fits
    done = sh(f"{LIMIT} rtm nms > out.jsonl", LINES.encode())
    assert (tmp_path / "out.jsonl").stat().st_size == 1024
    assert done.returncode == 1
    assert done.stderr == b"rtm nms: cannot write to standard output: File too large\n"


def test_a_file_that_takes_a_part_is_named_and_leaves_nothing(sh: Shell, tmp_path: Path) -> None:
    done = sh(f"{LIMIT} rtm nms -o out.jsonl", LINES.encode())
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert done.stderr == b"rtm nms: cannot write to out.jsonl: File too large\n"


def test_verbs_that_print_name_standard_output_too(sh: Shell) -> None:
    done = sh(f"{LIMIT} rtm schema > out.json")
    assert (done.returncode, done.stderr) == (
        1,
        b"rtm schema: cannot write to standard output: File too large\n",
    )
