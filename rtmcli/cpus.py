"""How many CPUs this process may use. Thread pools are sized from this, not from the CPUs of the machine."""

import os
from pathlib import Path


def available_cpus() -> int:
    """CPUs left after affinity (taskset, Slurm) and the cgroup's quota (containers), at least 1."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    quota = _quota(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    if quota is not None:
        # A quota of 1.5 CPUs keeps two threads busy three quarters of the time; of 0.5 still needs one.
        allowed = min(allowed, max(1, int(quota + 0.5)))
    return max(1, allowed)


def _quota(membership: Path, root: Path) -> float | None:
    """The smallest CPU quota among the control groups of this process and their parents; None: no limit.

    Args:
        membership: this process's `/proc/self/cgroup`.
        root: where the control groups are mounted.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    quotas: list[float] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2: one tree
            folders, read = _upwards(root, path), _quota_v2
        elif "cpu" in controllers.split(","):  # version 1: a tree for the cpu controller
            folders, read = _upwards(root / "cpu", path) + _upwards(root / "cpu,cpuacct", path), _quota_v1
        else:
            continue
        quotas += [quota for folder in folders if (quota := read(folder)) is not None]
    return min(quotas, default=None)


def _upwards(root: Path, path: str) -> list[Path]:
    """The group's folder and its parents. Inside a container only the root may be visible."""
    folder = root / path.lstrip("/")
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]


def _quota_v2(folder: Path) -> float | None:
    words = _words(folder / "cpu.max")
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0] != "max" else None


def _quota_v1(folder: Path) -> float | None:
    quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
    return int(quota[0]) / int(period[0]) if quota and period and int(quota[0]) > 0 else None


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
