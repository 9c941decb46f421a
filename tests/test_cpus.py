"""Thread counts come from what this process may use."""

import os
from pathlib import Path

import pytest

from rtmcli.cpus import _quota, available_cpus


def test_affinity_limits_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert available_cpus() == 1


@pytest.mark.parametrize(
    ("text", "cpus"), [("150000 100000", 1.5), ("max 100000", None), ("50000 100000", 0.5)]
)
def test_a_quota_of_cgroups_2_is_read(tmp_path: Path, text: str, cpus: float | None) -> None:
    (tmp_path / "cgroup").write_text("0::/box/job\n")
    (tmp_path / "box" / "job").mkdir(parents=True)
    (tmp_path / "box" / "cpu.max").write_text("400000 100000\n")
    (tmp_path / "box" / "job" / "cpu.max").write_text(text + "\n")
    assert _quota(tmp_path / "cgroup", tmp_path) == (cpus if cpus is not None else 4.0)


def test_a_quota_of_cgroups_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("5:cpu,cpuacct:/job\n1:memory:/job\n0::/\n")
    (tmp_path / "cpu" / "job").mkdir(parents=True)
    (tmp_path / "cpu" / "job" / "cpu.cfs_quota_us").write_text("200000\n")
    (tmp_path / "cpu" / "job" / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert _quota(tmp_path / "cgroup", tmp_path) == 2.0


def test_inside_a_container_only_the_root_group_is_seen(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("0::/somewhere/else\n")
    (tmp_path / "cpu.max").write_text("300000 100000\n")
    assert _quota(tmp_path / "cgroup", tmp_path) == 3.0


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert _quota(tmp_path / "nothing", tmp_path) is None


def test_a_small_quota_still_gives_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtmcli.cpus._quota", lambda *_: 0.2)
    assert available_cpus() == 1
