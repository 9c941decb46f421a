"""The start-up time of `rtm` compared with that of a minimal Typer app. Prints JSON lines.

    python benchmarks/startup.py [--runs 20] [--against PYTHON]

CPU time (user and system) of whole processes, the least of many runs, measured alternately so that both meet the same
load. The ratio must stay at most 1.3: a filter on an empty stream against a one-command app that imports orjson and
numpy and returns, `rtm --help` against a bare one-command app. With --against the other side is the rtm of another
Python, such as an earlier release in a virtual environment; that ratio must stay at most 1.03. Compiled files are kept
as in an installed package, whatever PYTHONDONTWRITEBYTECODE says.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

BARE = "import typer\napp = typer.Typer()\n\n\n@app.command()\ndef main() -> None:\n    {body}\n\n\napp()\n"
RTM = [sys.executable, "-m", "rtmcli"]
FILTERS = ("track", "smooth", "nms")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--against", metavar="PYTHON", help="the interpreter of another installation of rtm")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pairs = against_rtm(options.against) if options.against else against_apps(Path(folder))
        for name, ours, theirs in pairs:
            a, b = least_seconds(ours, theirs, options.runs)
            figures = {"ms": round(a * 1e3, 1), "of_ms": round(b * 1e3, 1), "ratio": round(a / b, 3)}
            print(json.dumps({"what": name, **figures, **machine()}), flush=True)


def against_apps(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Names, commands of rtm and commands of minimal apps that are written into the folder."""
    bare, filled = folder / "bare.py", folder / "filled.py"
    bare.write_text(BARE.format(body="pass"))
    filled.write_text("import numpy\nimport orjson\n" + BARE.format(body="return"))
    yield "rtm --help / bare app", [*RTM, "--help"], [sys.executable, str(bare)]
    yield "rtm --help / bare app --help", [*RTM, "--help"], [sys.executable, str(bare), "--help"]
    for verb in FILTERS:
        app = [sys.executable, str(filled)]
        yield f"rtm {verb}, empty / app with orjson and numpy", [*RTM, verb], app


def against_rtm(python: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Names, commands of this rtm and those of the rtm of another interpreter."""
    for arguments in (["--help"], *([verb] for verb in FILTERS)):
        yield f"rtm {arguments[0]}", [*RTM, *arguments], [python, "-I", "-m", "rtmcli", *arguments]


def least_seconds(ours: list[str], theirs: list[str], runs: int) -> tuple[float, float]:
    """CPU seconds of both commands; the first run of each compiles and does not count."""
    times = [(cpu_seconds(ours), cpu_seconds(theirs)) for _ in range(runs + 1)][1:]
    return min(a for a, _ in times), min(b for _, b in times)


def cpu_seconds(command: list[str]) -> float:
    """User and system seconds of one process."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def machine() -> dict[str, str]:
    return {"python": platform.python_version(), "typer": version("typer"), "machine": platform.machine()}


if __name__ == "__main__":
    main()
