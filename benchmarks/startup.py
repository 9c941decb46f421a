"""The start-up time of `rtm` compared with that of a minimal Typer app. Prints JSON lines.

    python benchmarks/startup.py [--runs 10]

CPU time (user and system) of whole processes, medians, measured alternately so that both meet the same load. The
ratio must stay at most 1.3: a filter on an empty stream against a one-command app that imports orjson and numpy and
returns, `rtm --help` against a bare one-command app. Where Python may not keep compiled files
(PYTHONDONTWRITEBYTECODE in a checkout) rtm's sources are compiled at each start, and the ratio is higher than in an
installed package.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

BARE = "import typer\napp = typer.Typer()\n\n\n@app.command()\ndef main() -> None:\n    {body}\n\n\napp()\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        bare, filled = Path(folder, "bare.py"), Path(folder, "filled.py")
        bare.write_text(BARE.format(body="pass"))
        filled.write_text("import numpy\nimport orjson\n" + BARE.format(body="return"))
        rtm = [sys.executable, "-m", "rtmcli"]
        python = [sys.executable]
        for name, ours, theirs in (
            ("rtm --help / bare app", [*rtm, "--help"], [*python, str(bare)]),
            ("rtm --help / bare app --help", [*rtm, "--help"], [*python, str(bare), "--help"]),
            ("rtm track, empty / app with orjson and numpy", [*rtm, "track"], [*python, str(filled)]),
            ("rtm smooth, empty / app with orjson and numpy", [*rtm, "smooth"], [*python, str(filled)]),
            ("rtm nms, empty / app with orjson and numpy", [*rtm, "nms"], [*python, str(filled)]),
        ):
            pairs = [(cpu_seconds(ours), cpu_seconds(theirs)) for _ in range(runs)]
            a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
            figures = {"ms": round(a * 1e3, 1), "of_ms": round(b * 1e3, 1), "ratio": round(a / b, 3)}
            print(json.dumps({"what": name, **figures, **machine()}), flush=True)


def cpu_seconds(command: list[str]) -> float:
    """User and system seconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def machine() -> dict[str, str]:
    return {"python": platform.python_version(), "typer": version("typer"), "machine": platform.machine()}


if __name__ == "__main__":
    main()
