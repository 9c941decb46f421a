"""Shared fixtures: goldens, the data folder (tests that need it skip without), and a shell with `rtm` in it."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rtmcli import telemetry
from rtmcli.cpus import available_cpus
from tests.helpers.labelled_sets import write_bodies, write_dots
from tests.helpers.shell import Shell, clean_environment, shell_in

telemetry.switch_off()  # some tests import a runtime by themselves

# Each process of pytest-xdist uses one CPU, and so do the programs that its tests start. torch reads this when it is
# imported. OMP_THREAD_LIMIT would not do: oneDNN waits for as many threads as torch was told to use.
IS_ONE_OF_SEVERAL = "PYTEST_XDIST_WORKER" in os.environ
if IS_ONE_OF_SEVERAL:
    os.environ["OMP_NUM_THREADS"] = "1"

# On a busy machine an example may take any time.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

GOLDENS = Path(__file__).parent / "goldens"
# One process takes up to 2 GB.
MOST_PROCESSES = 8


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is no such hook
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Processes for `-n auto`, the default: one per CPU; none for single files, where starting them takes longer."""
    if all(".py" in argument for argument in config.args):
        return 0
    return min(available_cpus(), MOST_PROCESSES)


@pytest.fixture(autouse=True)
def one_thread_of_torch() -> None:
    """Each test begins with one thread, also after an engine has set more."""
    if IS_ONE_OF_SEVERAL and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


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


@pytest.fixture(scope="session", autouse=True)
def default_interrupts() -> None:
    """Programs started by tests get the default handler of SIGINT, also under nohup and in background jobs.

    There SIGINT is ignored, which children would inherit.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables with `rtm` on the PATH and an empty home."""
    return clean_environment(tmp_path_factory.mktemp("bin"), tmp_path_factory.mktemp("home"))


@pytest.fixture
def sh(tmp_path: Path, environment: dict[str, str]) -> Shell:
    """Runs a bash script in an empty folder."""
    return shell_in(tmp_path, environment)


@pytest.fixture
def dots(tmp_path: Path) -> Path:
    """A folder with a small set of COCO's 17 keypoints: `labels.json` and `images/`."""
    write_dots(tmp_path)
    return tmp_path


@pytest.fixture
def bodies(tmp_path: Path) -> Path:
    """A folder with a small set of COCO-WholeBody's 133 keypoints with depths: `whole.json` and `whole/`."""
    write_bodies(tmp_path)
    return tmp_path
