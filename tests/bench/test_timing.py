"""The clock counts what it says, and a row of the table carries what a reader needs to trust it."""

from pathlib import Path

import pytest

from rtmcli.bench.machine import machine
from rtmcli.bench.networks import bench_network, bench_networks, settings
from rtmcli.bench.timing import measure
from rtmcli.errors import MissingError


def test_warm_up_runs_are_made_and_not_counted() -> None:
    calls = []
    timing = measure(lambda: calls.append(len(calls)), warmup=5, runs=20)
    assert len(calls) == 25
    assert timing.runs == 20
    assert 0 <= timing.p50 <= timing.p95 <= timing.p99


def test_the_machine_says_its_processor_load_and_versions() -> None:
    facts = machine()
    assert facts["cpu"] and facts["cpus"] >= 1
    assert {"rtm", "python", "onnxruntime", "numpy"} <= facts["versions"].keys()


def test_settings_are_all_combinations_a_model_at_a_time() -> None:
    rows = settings(["a", "b"], ["onnxruntime", "openvino"], ["float32"], [1, 2], [1])
    assert [row.model for row in rows] == ["a"] * 4 + ["b"] * 4
    assert len({(row.model, row.engine, row.threads) for row in rows}) == 8


def test_a_network_is_measured_in_the_precision_and_threads_asked_for() -> None:
    (row,) = settings(["rtmpose-t"], ["onnxruntime"], ["float32"], [1], [3], warmup=1, runs=5)
    result = bench_network(row)
    assert (result["threads"], result["batch"], result["precision"], result["runs"]) == (1, 3, "float32", 5)
    assert result["ms"]["p50"] > 0
    assert result["fps"] == pytest.approx(3000 / result["ms"]["p50"])


def test_what_an_engine_cannot_do_is_a_row_with_the_reason() -> None:
    rows = settings(["rtmpose-t"], ["onnxruntime"], ["bfloat16"], [1], [1], warmup=0, runs=1)
    (result,) = bench_networks(rows)
    assert "float32" in result["error"]


def test_a_model_that_does_not_exist_stops_everything(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        list(bench_networks(settings([str(tmp_path / "no.onnx")], ["onnxruntime"], ["float32"], [1], [1])))
