"""ONNX Runtime opens what it can, says what it uses, and never falls back."""

from pathlib import Path

import numpy as np
import pytest

from rtmcli.engines import open_engine
from rtmcli.engines.base import check_precision, non_finite, split_device
from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.zoo.resolve import find_model

DETECTOR = find_model("rtmdet-nano")


def test_a_bundled_model_says_what_it_takes_gives_and_is() -> None:
    engine = open_engine(DETECTOR, threads=1)
    assert [(port.name, port.shape, port.dtype) for port in engine.inputs] == [
        ("image", (None, 320, 320, 3), "uint8")
    ]
    assert [port.name for port in engine.outputs] == ["dets", "labels"]
    assert engine.card is not None and engine.card.name == "rtmdet-nano"
    facts = engine.facts()
    assert facts["providers"] == ["CPUExecutionProvider"]
    assert (facts["device"], facts["precision"], facts["threads"]) == ("cpu", "float32", 1)


def test_only_the_outputs_that_are_asked_for_come() -> None:
    engine = open_engine(find_model("rtmpose-t"), threads=1)
    crops = np.zeros((2, *engine.inputs[0].shape[1:]), np.uint8)  # type: ignore[arg-type]
    assert set(engine({"image": crops})) == {"keypoints", "simcc_x", "simcc_y"}
    assert set(engine({"image": crops}, ["keypoints"])) == {"keypoints"}


def test_threads_come_from_the_cpus_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtmcli.cpus.available_cpus", lambda: 3)
    assert open_engine(DETECTOR).facts()["threads"] == 3


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"engine": "abacus"}, UsageError, "abacus"),
        ({"device": "tpu"}, UsageError, "tpu"),
        ({"device": "cuda:x"}, UsageError, "cuda:1"),
        ({"device": "cuda"}, MissingError, "onnxruntime-gpu"),
        ({"precision": "float16"}, UsageError, "--precision float32"),
        ({"precision": "float13"}, UsageError, "float13"),
        ({"threads": 0}, UsageError, "0 threads"),
    ],
)
def test_what_it_cannot_do_is_an_error_that_names_the_way_out(
    options: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        open_engine(DETECTOR, **options)  # type: ignore[arg-type]


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"gone\.onnx"):
        open_engine(tmp_path / "gone.onnx", threads=1)
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(DataError, match=r"text\.onnx"):
        open_engine(tmp_path / "text.onnx", threads=1)


def test_devices_and_precisions_are_read_or_refused() -> None:
    assert split_device("cpu") == ("cpu", 0) and split_device("cuda:2") == ("cuda", 2)
    assert check_precision("bfloat16") == "bfloat16"


def test_a_value_that_is_not_a_number_is_found_and_integers_are_none() -> None:
    good, bad = np.ones(3, np.float32), np.array([1, np.inf], np.float32)
    assert non_finite({"a": good, "n": np.array([1])}) is None
    assert non_finite({"a": good, "b": bad}) == "b"
