"""The description of a machine that accompanies a measurement."""

import os
import platform
import resource
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from rtmcli import __version__
from rtmcli.cpus import available_cpus

PACKAGES = ("onnxruntime", "openvino", "ncnn", "torch", "tensorrt", "numpy", "opencv-python", "av")


def machine() -> dict[str, Any]:
    """CPU, number of usable CPUs, load, system, and versions of the packages in use."""
    versions = {"rtm": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {
        "cpu": _cpu_name(),
        "arch": platform.machine(),
        "cpus": available_cpus(),
        "load": load,
        "system": f"{platform.system()} {platform.release()}",
        "versions": versions,
    }


def peak_memory() -> float:
    """Peak memory of this process in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _cpu_name() -> str:
    """The kernel's name of the CPU, or of the board on ARM; else the name that `lscpu` knows for its part number."""
    for file, key in (
        ("/proc/cpuinfo", "model name"),
        ("/proc/cpuinfo", "Model"),
        ("/proc/device-tree/model", ""),
    ):
        try:
            text = Path(file).read_text(errors="replace")
        except OSError:
            continue
        found = _value(text, key) if key else text.strip("\0\n ")
        if found:
            return found
    return _arm_core() or platform.processor() or "unknown"


def _arm_core() -> str:
    """The core of an ARM server, whose kernel gives numbers only, such as 0x41 and 0xd0c for a Neoverse N1."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(["lscpu"], capture_output=True, text=True, env=environment, timeout=10)
        name = _value(done.stdout, "Model name")
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except (OSError, subprocess.SubprocessError):
        return ""
    if name and name != "-":
        return name
    maker, part = _value(text, "CPU implementer"), _value(text, "CPU part")
    return f"ARM implementer {maker}, part {part}" if maker and part else ""


def _value(text: str, key: str) -> str:
    """The value of the first line `key: value`, or an empty string."""
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == key), "")
