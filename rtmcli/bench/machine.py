"""The description of a machine that accompanies a measurement."""

import os
import platform
import resource
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
    """The name that the kernel gives; ARM kernels name the board rather than the core."""
    for file, key in (
        ("/proc/cpuinfo", "model name"),
        ("/proc/cpuinfo", "Model"),
        ("/proc/device-tree/model", ""),
    ):
        try:
            text = Path(file).read_text(errors="replace")
        except OSError:
            continue
        if not key:
            return text.strip("\0\n ")
        for line in text.splitlines():
            if line.split(":")[0].strip() == key:
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"
