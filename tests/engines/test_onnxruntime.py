"""ONNX Runtime never falls back silently, and two conflicting installations are distinguished from a missing GPU."""

from types import SimpleNamespace

import pytest

from rtmcli.engines import onnxruntime, open_engine
from rtmcli.errors import MissingError, UsageError
from rtmcli.zoo.resolve import find_model


def test_a_gpu_that_this_build_cannot_use_is_an_error_with_the_command() -> None:
    with pytest.raises(MissingError, match="pip install onnxruntime-gpu"):
        open_engine(find_model("rtmpose-t"), device="cuda")
    with pytest.raises(UsageError, match="directml"):
        open_engine(find_model("rtmpose-t"), device="tpu")


def test_two_installations_over_each_other_are_named_with_both_commands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onnxruntime.metadata, "version", lambda name: "1.0")
    with pytest.raises(MissingError, match="both installed") as caught:
        open_engine(find_model("rtmpose-t"), device="cuda")
    assert "'pip uninstall -y onnxruntime onnxruntime-gpu'" in str(caught.value)
    assert "'pip install onnxruntime-gpu'" in str(caught.value)
    assert open_engine(find_model("rtmpose-t"), threads=1).facts()["device"] == "cpu", "the CPU still works"


def test_a_folder_that_an_uninstallation_emptied_is_named() -> None:
    with pytest.raises(MissingError, match="--force-reinstall"):
        onnxruntime.check_installation(SimpleNamespace())
