"""Units done by a Ray cluster: three nodes on this machine, whose workers and nodes are lost."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError, MissingError, RtmError
from rtmcli.jobs.folder import LocalFolder
from rtmcli.jobs.on_ray import Cluster as Wanted
from rtmcli.jobs.on_ray import on_ray
from rtmcli.jobs.run import run_job
from rtmcli.jobs.unit import Source, Span
from rtmcli.terminal.progress import progress
from tests.helpers.job_work import open_nothing, open_work, records, source
from tests.helpers.jobs import contents

pytest.importorskip("ray", reason="needs ray (extra ray)")

SPANS = tuple(Span(first=4 * number, frames=4) for number in range(8))
Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster whose first node has one CPU; tests add others."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": 80_000_000}
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **memory})
    started.node_of_a_cpu = partial(started.add_node, num_cpus=1, **memory)
    yield started
    started.shutdown()


@pytest.fixture
def run(tmp_path: Path, cluster: Any) -> Run:
    """Run a job on the cluster; `on_line` is called at each line that it reports."""

    def run_on_cluster(
        sources: list[Source], opens: Any = None, on_line: Callable[[], object] = lambda: None
    ) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []

        def report(line: dict[str, Any]) -> None:
            lines.append(line)
            on_line()

        (tmp_path / "marks").mkdir(exist_ok=True)
        folder = LocalFolder(str(tmp_path / "out"))
        work = opens or partial(open_work, tmp_path / "marks")
        run_job(
            sources, folder, on_ray(folder, work, Wanted(address=cluster.address)), report=report, bar=progress()
        )  # fmt: skip
        return lines

    return run_on_cluster


def test_a_cluster_does_the_units_of_a_job_once_each(tmp_path: Path, run: Run) -> None:
    long = source("long", *SPANS[:2])
    with pytest.raises(DataError, match="1 of 2 sources failed: broken: the reason"):
        run([long, source("broken")])
    assert contents(tmp_path / "out") == {"long.jsonl": b"".join(map(records, long.units))}
    assert len(list((tmp_path / "marks").iterdir())) == 3


def test_an_address_without_a_cluster_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    folder = LocalFolder(str(tmp_path))
    execute = on_ray(folder, open_nothing, Wanted(address="127.0.0.1:1"))
    with pytest.raises(
        RtmError, match=r"--ray 127.0.0.1:1: no Ray cluster can be reached .*'ray start --head'"
    ):
        list(execute([source("a").units[0]], lambda unit: True))


@pytest.mark.slow
def test_killed_workers_are_started_again_and_nothing_is_lost_or_done_twice(
    tmp_path: Path, cluster: Any, run: Run
) -> None:
    cluster.node_of_a_cpu()
    cluster.node_of_a_cpu()
    sources = [source("once", *SPANS[:2]), source("long", *SPANS[2:]), source("a")]
    lines = run(sources)
    assert sorted((line["source"], line["status"]) for line in lines) == [
        ("a", "done"),
        ("long", "done"),
        ("once", "done"),
    ]
    for one in sources:
        assert (tmp_path / f"out/{one.output}").read_bytes() == b"".join(map(records, one.units))
    assert len(list((tmp_path / "marks").glob("*once*"))) == 4
    assert len(list((tmp_path / "marks").glob("*long*"))) == 6


@pytest.mark.slow
def test_a_source_that_kills_its_workers_is_reported_after_three_attempts(
    tmp_path: Path, cluster: Any, run: Run
) -> None:
    cluster.node_of_a_cpu()
    cluster.node_of_a_cpu()
    sources = [source("deadly"), *(source(f"s{number}") for number in range(6))]
    with pytest.raises(DataError, match="1 of 7 sources failed: deadly: its Ray worker was lost 3 times"):
        run(sources)
    assert len(list((tmp_path / "marks").glob("deadly*"))) == 3
    assert len(contents(tmp_path / "out")) == 6


@pytest.mark.slow
def test_a_node_that_is_removed_costs_nothing_but_time(tmp_path: Path, cluster: Any, run: Run) -> None:
    nodes = [cluster.node_of_a_cpu(), cluster.node_of_a_cpu()]
    long = source("nap-long", *SPANS)
    sources = [*(source(f"nap-{number}") for number in range(4)), long]

    def remove_once() -> None:
        if len(nodes) == 2:
            cluster.remove_node(nodes.pop(), allow_graceful=False)

    lines = run(sources, on_line=remove_once)
    assert len(lines) == 5 and {line["status"] for line in lines} == {"done"}
    expected = {f"{one.name}.jsonl": b"".join(map(records, one.units)) for one in sources}
    assert contents(tmp_path / "out") == expected


@pytest.mark.slow
def test_what_is_missing_on_a_node_ends_the_job(run: Run) -> None:
    with pytest.raises(MissingError, match="the model is missing"):
        run([source("a")], open_nothing)


@pytest.mark.slow
def test_pose_on_a_cluster_gives_the_bytes_of_one_process(
    tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.node_of_a_cpu()
    monkeypatch.chdir(tmp_path)
    job = ["pose", "demo", "--max-frames", "30", "-o"]
    assert main([*job, "here"]) == 0
    assert main([*job, "there", "--ray", cluster.address]) == 0
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
