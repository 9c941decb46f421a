"""A real shell with `rtm` in it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Shell = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """PATH with `rtm` first, a home of its own, and none of the caller's options."""
    bin_folder = tmp_path_factory.mktemp("bin")
    program = bin_folder / "rtm"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rtmcli "$@"\n')
    program.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RTM_")}
    home = tmp_path_factory.mktemp("home")
    return {**kept, "PATH": f"{bin_folder}:{os.environ['PATH']}", "RTM_HOME": str(home), "HOME": str(home)}


@pytest.fixture
def sh(tmp_path: Path, environment: dict[str, str]) -> Shell:
    """Runs a bash script in an empty folder; standard input is given as bytes, nothing by default."""

    def run(script: str, given: bytes = b"", **extra: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["bash", "-c", script],
            input=given,
            capture_output=True,
            cwd=tmp_path,
            env={**environment, **extra},
            timeout=120,
        )

    return run
