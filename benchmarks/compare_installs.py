"""Do two installations of rtm write the same bytes? Prints JSON lines, a summary last.

    python benchmarks/compare_installs.py BEFORE AFTER --data FOLDER [--data FOLDER ...] [--only VERB] [--out FILE]

BEFORE and AFTER are two `rtm` executables. Every case of compare_cases.py runs with both, in an empty folder of the
same name. Standard output, the exit code and every file that was written are compared. Exit code 1 if something differs
that is not in EXCEPTIONS. The text on standard error may differ: for a case that fails, both last lines are printed.
Give BEFORE twice to see which output differs from run to run.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from compare_cases import Case, cases
from compare_inputs import find_data, prepared

# A pattern for a case's name -> why its output differs on purpose from that of version 0.1.0.
EXCEPTIONS: dict[str, str] = {
    r"^track|--track|^smooth .*(clips|two_standing)": "the tracker pairs people by poses and boxes, in two stages by "
    "score, and keeps ids at slow frame rates; people without an id get theirs from it",
    r"^detect .*--classes all": "--classes all works as its help says",
    r"raw_stream|animated|three_pages|and 15 more": "all frames of such files are read",
    r"anamorphic|avi_dropped|edit_list|cover_picture|h264_b_frames": "square pixels; exact frame counts and seeking; "
    "the video stream is chosen as ffmpeg does",
    r"^eval .*crowdpose.*--area": "--area has no effect on CrowdPose labels and is refused",
    r"^eval .*--plot": "the texts of the plot changed",
    r"^convert .*--to coco ": "images without a number in their names are numbered",
    r"^schema$": "the schema has the keys that were added since",
    r"^models": "the catalogue was corrected and extended: more models, hashes, mirrors",
    r"^train .*--out": "images are multiplied by 1 / std as in exported graphs, so weights differ by rounding; "
    "validation uses the crop of rtm pose; log.jsonl is written and the recipe has a value more",
    r"^export rtmpose": "norms scale before they sum squares, which then fit float16; p99_sure is called p99_confident",
    r"^bench .*--plot": "the plot shows measured times",
}
# Options that give the behaviour of 0.1.0 back, for an installation that has them: verb -> option and value.
RESTORED = {"pose": ("--pose-nms", "none")}
# Seconds that one command may take.
LIMIT = 600


@dataclass(frozen=True, slots=True)
class Output:
    """What one run left: standard output, exit code, the bytes of its files, the last line on standard error."""

    stdout: bytes
    code: int
    files: dict[str, bytes]
    message: str
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--only", action="append", help="a verb; again for more")
    parser.add_argument("--out", type=Path, help="also write the lines to this file")
    given = parser.parse_args()
    data = find_data([folder.resolve() for folder in given.data])
    counts = {"cases": 0, "same": 0, "excepted": 0, "different": 0, "other_words_of_errors": 0}
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        chosen = [case for case in cases(data) if not given.only or case.verb in given.only]
        inputs = make_inputs(given.before, used(prepared(data), chosen), room)
        for case in chosen:
            line = compare(case, given.before, given.after, inputs, room)
            counts["cases"] += 1
            counts["same" if line["same"] else "excepted" if line.get("exception") else "different"] += 1
            counts["other_words_of_errors"] += "messages" in line
            show(line, given.out)
    show({"summary": counts}, given.out)
    return 1 if counts["different"] else 0


def show(line: dict[str, Any], out: Path | None) -> None:
    text = json.dumps(line, ensure_ascii=False)
    print(text, flush=True)
    if out is not None:
        with out.open("a") as file:
            file.write(text + "\n")


def used(commands: dict[str, tuple[str, ...]], chosen: list[Case]) -> dict[str, tuple[str, ...]]:
    """Those of the commands whose output a case reads, or another of these commands."""
    words = {word for case in chosen for word in (*case.arguments, case.stdin)}
    # Backwards, because a command reads the output of earlier ones.
    kept: dict[str, tuple[str, ...]] = {}
    for name, arguments in reversed(commands.items()):
        if f"{{{name}}}" in words:
            kept[name] = arguments
            words.update(arguments)
    return dict(reversed(kept.items()))


def make_inputs(rtm: Path, commands: dict[str, tuple[str, ...]], room: Path) -> dict[str, str]:
    """Run the commands whose output other cases read, with the first installation."""
    inputs: dict[str, str] = {}
    for name, arguments in commands.items():
        result = run(rtm, Case(arguments), inputs, room)
        file = room / f"{name}.txt"
        file.write_bytes(result.stdout)
        inputs[name] = str(file)
        if result.code != 0:
            print(f"input {name}: exit code {result.code}: {result.message}", file=sys.stderr)
    return inputs


def run(rtm: Path, case: Case, inputs: dict[str, str], room: Path) -> Output:
    """One command in an empty folder; the folder has the same name each time, so that paths in the output agree."""
    work, home = room / "work", room / "home"
    for empty in (work, home):
        shutil.rmtree(empty, ignore_errors=True)
        empty.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RTM_", "PYTHON"))}
    environment |= {"RTM_HOME": str(home), "COLUMNS": "100", "NO_COLOR": "1"}
    stdin = filled(case.stdin, inputs) or os.devnull
    begin = time.perf_counter()
    command = [str(rtm.absolute()), *(filled(argument, inputs) for argument in case.arguments)]
    with open(stdin, "rb") as file:
        done = subprocess.run(
            [*command, *(restored(rtm, case.verb) if case.finds_people else ())],
            stdin=file,
            capture_output=True,
            cwd=work,
            env=environment,
            timeout=LIMIT,
        )
    seconds = time.perf_counter() - begin
    # Where an installation has its own files is no difference.
    place = bytes(rtm.absolute().parent.parent)
    found = sorted(path for path in work.rglob("*") if path.is_file())
    files = {str(path.relative_to(work)): path.read_bytes().replace(place, b"<place>") for path in found}
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return Output(done.stdout.replace(place, b"<place>"), done.returncode, files, last, seconds)


@cache
def restored(rtm: Path, verb: str) -> tuple[str, ...]:
    """The options of RESTORED that this installation's verb has."""
    options = RESTORED.get(verb, ())
    if not options:
        return ()
    text = subprocess.run([str(rtm.absolute()), verb, "--help"], capture_output=True, text=True).stdout
    return options if options[0] in text else ()


def filled(text: str, inputs: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: inputs[match[1]], text)


def compare(case: Case, before: Path, after: Path, inputs: dict[str, str], room: Path) -> dict[str, Any]:
    """The JSON line of one case."""
    a, b = (run(rtm, case, inputs, room) for rtm in (before, after))
    found = differences(a, b, timed=case.timed)
    name = name_of(case)
    line: dict[str, Any] = {"case": name, "same": not found, "code": b.code, "bytes": len(b.stdout)}
    line |= {"files": len(b.files), "seconds": [round(a.seconds, 1), round(b.seconds, 1)]}
    if found:
        line["differences"] = found
        reason = next((why for pattern, why in EXCEPTIONS.items() if re.search(pattern, name)), None)
        if reason:
            line["exception"] = reason
    if (a.code or b.code) and a.message != b.message:
        line["messages"] = [a.message, b.message]
    return line


def name_of(case: Case) -> str:
    """The command line, with files by their names; of many files the first."""
    words = [Path(word).name if word.startswith("/") else word for word in case.arguments]
    plain = [word for word in words[1:] if "." in word and not word.startswith("-")]
    if len(plain) > 5:
        words = [word for word in words if word not in plain[1:]]
        words.insert(2, f"(and {len(plain) - 1} more)")
    return " ".join(words) + (f" < {Path(case.stdin).name}" if case.stdin else "")


def differences(a: Output, b: Output, *, timed: bool) -> list[str]:
    """What differs, one sentence each."""
    found = []
    if a.code != b.code:
        found.append(f"exit code {a.code} before, {b.code} after: {b.message or a.message}")
    if difference := first_difference(a.stdout, b.stdout, timed=timed):
        found.append(f"standard output: {difference}")
    for name in sorted(a.files.keys() ^ b.files.keys()):
        found.append(f"{name}: only {'before' if name in a.files else 'after'}")
    for name in sorted(a.files.keys() & b.files.keys()):
        if difference := first_difference(
            a.files[name], b.files[name], timed=timed and name.endswith(".jsonl")
        ):
            found.append(f"{name}: {difference}")
    return found


def first_difference(a: bytes, b: bytes, *, timed: bool) -> str:
    """Where two outputs part, empty where they do not."""
    if a == b:
        return ""
    lines_a, lines_b = a.split(b"\n"), b.split(b"\n")
    if timed and [shape(line) for line in lines_a] == [shape(line) for line in lines_b]:
        return ""
    unequal = [i for i, pair in enumerate(zip(lines_a, lines_b, strict=False)) if pair[0] != pair[1]]
    if len(lines_a) != len(lines_b):
        return f"{len(lines_a)} lines before, {len(lines_b)} after"
    first = unequal[0]
    left, right = lines_a[first], lines_b[first]
    at = next(
        (i for i, (x, y) in enumerate(zip(left, right, strict=False)) if x != y), min(len(left), len(right))
    )
    excerpt = [line[max(at - 30, 0) : at + 40].decode(errors="replace") for line in (left, right)]
    return f"{len(unequal)} of {len(lines_a)} lines, first line {first + 1} byte {at}: {excerpt[0]!r} / {excerpt[1]!r}"


def shape(line: bytes) -> Any:
    """The keys of a JSON line and the types of its values; a line of text without its numbers."""
    try:
        return shape_of(json.loads(line))
    except ValueError:
        return re.sub(rb"[\d.]+", b"#", line)


def shape_of(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape_of(child) for key, child in value.items()}
    if isinstance(value, list):
        return [shape_of(child) for child in value]
    return "number" if isinstance(value, int | float) else type(value).__name__


if __name__ == "__main__":
    sys.exit(main())
