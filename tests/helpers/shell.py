"""A real shell with `rtm` in it; the fixtures `environment` and `sh` of tests/conftest.py use it."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Runs a bash script in an empty folder: sh(script, stdin bytes, VARIABLE="value").
Shell = Callable[..., subprocess.CompletedProcess[bytes]]

PYTHON = shlex.quote(sys.executable)


def clean_environment(bin_folder: Path, home: Path) -> dict[str, str]:
    """PATH with `rtm` first, a home of its own, and none of the caller's options."""
    program = bin_folder / "rtm"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rtmcli "$@"\n')
    program.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RTM_")}
    return {**kept, "PATH": f"{bin_folder}:{os.environ['PATH']}", "RTM_HOME": str(home), "HOME": str(home)}


def shell_in(folder: Path, environment: dict[str, str]) -> Shell:
    """A function that runs bash scripts in this folder; standard input is given as bytes, nothing by default."""

    def run(script: str, given: bytes = b"", **extra: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["bash", "-c", script],
            input=given,
            capture_output=True,
            cwd=folder,
            env={**environment, **extra},
            timeout=120,
        )

    return run


def records_of(stdout: bytes) -> list[dict[str, Any]]:
    """The records of a verb's output."""
    return [json.loads(line) for line in stdout.splitlines()]
