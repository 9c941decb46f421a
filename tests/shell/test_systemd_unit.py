"""The systemd unit in docs/monitoring.md is valid, and agrees with what rtm does."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rtmcli.errors import DataError, MissingError, RtmError, UsageError

PAGE = Path(__file__).parents[2] / "docs/monitoring.md"


@pytest.fixture(scope="module")
def unit() -> str:
    (text,) = re.findall(r"```ini\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return text


def test_the_unit_restarts_after_what_a_restart_may_mend(unit: str) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  keys are case-sensitive
    parser.read_string(unit)
    service = parser["Service"]
    assert service["Restart"] == "on-failure" and service["KillSignal"] == "SIGINT"
    prevented = {int(code) for code in service["RestartPreventExitStatus"].split()}
    assert prevented == {UsageError.exit_code, MissingError.exit_code}
    assert not prevented & {RtmError.exit_code, DataError.exit_code}
    assert service["ExecStart"].split()[1] == "pose"


def test_systemd_finds_no_fault_in_the_unit(unit: str, tmp_path: Path, environment: dict[str, str]) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    program = shutil.which("rtm", path=environment["PATH"])
    file = tmp_path / "rtm@.service"
    file.write_text(unit.replace("/usr/local/bin/rtm", str(program)))
    run = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / "rtm@.service")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    complaints = [line for line in run.stderr.splitlines() if "rtm@" in line]
    assert not complaints, run.stderr
