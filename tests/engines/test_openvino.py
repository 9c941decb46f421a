"""OpenVINO gives ONNX Runtime's numbers, in the precision asked for, and says what it cannot do."""

from pathlib import Path

import numpy as np
import pytest

from rtmcli.engines import open_engine
from rtmcli.errors import DataError, MissingError, UsageError


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, 3, 320, 320)).astype(np.float32)


def test_the_official_detector_gives_the_boxes_of_onnxruntime(data_dir: Path, picture: np.ndarray) -> None:
    file = data_dir / "weights" / "rtmdet_nano_person.onnx"
    want = open_engine(file, threads=1)({"input": picture})
    engine = open_engine(file, engine="openvino", threads=1)
    got = engine({"input": picture})
    assert engine.facts()["precision"] == "float32"
    np.testing.assert_allclose(got["dets"], want["dets"], atol=2e-3)
    np.testing.assert_array_equal(got["labels"], want["labels"])


def test_a_second_run_leaves_the_arrays_of_the_first_alone(data_dir: Path, picture: np.ndarray) -> None:
    engine = open_engine(data_dir / "weights" / "rtmdet_nano_person.onnx", engine="openvino", threads=1)
    first = engine({"input": picture})["dets"]
    kept = first.copy()
    engine({"input": picture[:, :, ::-1]})
    np.testing.assert_array_equal(first, kept)


def test_a_device_that_is_not_here_is_an_error_and_no_fallback(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    with pytest.raises(MissingError, match="use --device cpu"):
        open_engine(tmp_path / "m.onnx", engine="openvino", device="gpu")
    with pytest.raises(UsageError, match="cuda"):
        open_engine(tmp_path / "m.onnx", engine="openvino", device="cuda")


def test_a_file_that_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    with pytest.raises(DataError, match=r"m\.onnx"):
        open_engine(tmp_path / "m.onnx", engine="openvino")


def test_a_model_that_does_not_compile_is_refused_when_it_is_opened(
    open_size: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino")

    def refuse(*_: object) -> None:
        raise RuntimeError("this operation is not implemented")

    monkeypatch.setattr(openvino.Core, "compile_model", refuse)
    with pytest.raises(DataError, match=r"m\.onnx.*not implemented"):
        open_engine(open_size, engine="openvino")


def test_the_device_is_what_the_runtime_says_it_uses(
    open_size: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino")
    monkeypatch.setattr(openvino.CompiledModel, "get_property", lambda _, name: [f"{name} of the runtime"])
    engine = open_engine(open_size, engine="openvino")
    assert engine.facts()["providers"] == ["EXECUTION_DEVICES of the runtime"]
