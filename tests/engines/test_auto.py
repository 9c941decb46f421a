"""`--engine auto`: what is fastest is measured once, kept, and said where it is less exact."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtmcli.engines import auto, open_engine
from rtmcli.engines.base import Port
from rtmcli.errors import MissingError, UsageError

MILLISECONDS = {("onnxruntime", "float32"): 8, ("openvino", "float32"): 5, ("openvino", "bfloat16"): 2}


class Slow:
    """An engine that takes the time it was given."""

    card = None
    inputs = (Port("image", (None, 8, 8, 3), "uint8"),)
    outputs = (Port("keypoints", (None, 1, 3), "float32"),)

    def __init__(self, clock: list[float], milliseconds: float, value: float) -> None:
        self.clock, self.milliseconds, self.value = clock, milliseconds, value

    def __call__(self, feeds: Any, names: Any = None) -> Any:
        assert feeds["image"].shape == (1, 8, 8, 3)
        self.clock[0] += self.milliseconds / 1000
        return {"keypoints": np.full((1, 1, 3), self.value, np.float32)}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What was opened, on a clock that only the engines move."""
    clock, seen = [0.0], list[Any]()

    def open_slowly(engine: str, path: Path, *, precision: str, **_: Any) -> Slow:
        seen.append((engine, precision))
        if (engine, precision) not in MILLISECONDS:
            raise UsageError("cannot")
        bad = (engine, precision) == BROKEN.get("choice")
        return Slow(clock, MILLISECONDS[engine, precision], np.nan if bad else 1.0)

    monkeypatch.setattr(auto, "open_runtime", open_slowly)
    monkeypatch.setattr(auto.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(auto, "find_spec", lambda name: name)
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "home"))
    BROKEN.clear()
    return seen


BROKEN: dict[str, Any] = {}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "m.onnx").write_bytes(b"model")
    return tmp_path / "m.onnx"


def choose(model: Path, precision: str | None = None, device: str = "cpu", threads: int = 1) -> Any:
    return auto.choose_engine(model, device=device, precision=precision, threads=threads)


def test_the_fastest_is_measured_once_and_its_lower_precision_said(
    opened: list[Any], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert choose(model) == ("openvino", "bfloat16")
    assert "bfloat16" in (told := capsys.readouterr().err) and "--precision float32" in told
    count = len(opened)
    assert choose(model) == ("openvino", "bfloat16")
    assert len(opened) == count, "nothing is measured a second time"
    (kept,) = json.loads((tmp_path / "home" / "engines.json").read_text()).values()
    assert kept["ms"] == {"onnxruntime float32": 8.0, "openvino float32": 5.0, "openvino bfloat16": 2.0}


def test_a_precision_asked_for_is_kept_in_silence(
    opened: list[Any], model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert choose(model, "float32") == ("openvino", "float32")
    assert capsys.readouterr().err == ""


def test_other_bytes_threads_or_devices_are_measured_anew(opened: list[Any], model: Path) -> None:
    choose(model)
    for change in ({"threads": 2}, {"precision": "float32"}):
        count = len(opened)
        choose(model, **change)
        assert len(opened) > count
    model.write_bytes(b"another model")
    count = len(opened)
    choose(model)
    assert len(opened) > count


def test_an_engine_whose_output_is_no_number_is_never_chosen(opened: list[Any], model: Path) -> None:
    BROKEN["choice"] = ("openvino", "bfloat16")
    assert choose(model) == ("openvino", "float32")


def test_a_damaged_table_is_measured_anew(opened: list[Any], model: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "engines.json").write_text("{broken")
    assert choose(model) == ("openvino", "bfloat16")


def test_without_any_engine_the_reasons_are_told(opened: list[Any], tmp_path: Path) -> None:
    (tmp_path / "m.pth").write_bytes(b"x")
    with pytest.raises(MissingError, match=r"no installed engine opens .*m\.pth"):
        choose(tmp_path / "m.pth")
    with pytest.raises(MissingError, match="no model file"):
        choose(tmp_path / "none.onnx")


def test_a_file_of_one_runtimes_own_names_its_engine(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--engine ncnn"):
        open_engine(tmp_path / "m.param")


def test_float16_is_a_candidate_on_every_cpu_because_arm_cores_have_no_bfloat16(
    opened: list[Any], tmp_path: Path
) -> None:
    """The engines refuse what the CPU does not compute in; that is not for the list to know."""
    assert auto.candidates(tmp_path / "m.xml", "cpu", None) == [
        ("openvino", "float32"), ("openvino", "bfloat16"), ("openvino", "float16")
    ]  # fmt: skip
    assert auto.candidates(tmp_path / "m.param", "cpu", None) == [("ncnn", "float32"), ("ncnn", "float16")]
    assert auto.candidates(tmp_path / "m.onnx", "cpu", "float32") == [
        ("onnxruntime", "float32"), ("openvino", "float32")
    ]  # fmt: skip
