"""The machine's description names the CPU, on ARM servers too, whose kernels give numbers only."""

import subprocess
from pathlib import Path

import pytest

from rtmcli.bench import machine

ARM_SERVER = (
    "processor\t: 0\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\nCPU revision\t: 1\n"
)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the kernel's files hold; a file that is not named is missing."""
    found: dict[str, str] = {}

    def read(path: Path, **_: object) -> str:
        if str(path) not in found:
            raise FileNotFoundError(path)
        return found[str(path)]

    monkeypatch.setattr(Path, "read_text", read)
    return found


def answer_lscpu(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(
        machine.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=text, stderr="")
    )


def test_a_cpu_is_called_what_the_kernel_calls_it(files: dict[str, str]) -> None:
    files["/proc/cpuinfo"] = "processor\t: 0\nmodel name\t: AMD EPYC 9B45\n"
    assert machine.machine()["cpu"] == "AMD EPYC 9B45"


def test_a_board_is_called_by_its_name(files: dict[str, str]) -> None:
    files["/proc/cpuinfo"] = ARM_SERVER
    files["/proc/device-tree/model"] = "Raspberry Pi 5 Model B Rev 1.0\0"
    assert machine.machine()["cpu"] == "Raspberry Pi 5 Model B Rev 1.0"


@pytest.mark.parametrize(
    ("lscpu", "name"),
    [
        ("Vendor ID:  ARM\nModel name:  Neoverse-N1\n", "Neoverse-N1"),
        ("Vendor ID:  ARM\nModel name:  -\n", "ARM implementer 0x41, part 0xd0c"),
        ("", "ARM implementer 0x41, part 0xd0c"),
    ],
)
def test_an_arm_server_is_called_by_its_core(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch, lscpu: str, name: str
) -> None:
    files["/proc/cpuinfo"] = ARM_SERVER
    answer_lscpu(monkeypatch, lscpu)
    assert machine.machine()["cpu"] == name
