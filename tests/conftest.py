"""Shared fixtures: where the goldens are, and where the data folder is (tests that need it skip without)."""

import os
from pathlib import Path

import pytest

GOLDENS = Path(__file__).parent / "goldens"


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The folder of reference numbers; part of the repository, so nothing that needs it may skip."""
    return GOLDENS


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real pictures, videos and weights, named by RTM_DATA."""
    folder = Path(os.environ.get("RTM_DATA", ""))
    if not os.environ.get("RTM_DATA") or not (folder / "val").is_dir():
        pytest.skip("RTM_DATA does not name the data folder")
    return folder
