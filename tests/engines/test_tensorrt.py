"""TensorRT's engine against a stand-in module: no GPU runs these tests, so they prove the calls and not the numbers."""

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rtmcli.engines import open_engine, tensorrt
from rtmcli.engines.base import Port
from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.zoo.resolve import find_model

NAMES = {"image": ((-1, 128, 96, 3), np.uint8), "keypoints": ((-1, 17, 3), np.float32)}


class FakeContext:
    def __init__(self) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.allocators: dict[str, Any] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> None:
        self.shapes[name] = shape

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def set_output_allocator(self, name: str, allocator: Any) -> None:
        self.allocators[name] = allocator

    def execute_async_v3(self, stream: int) -> bool:
        """Gives each keypoint its own number, as a kernel would write it: past Python."""
        shape = (self.shapes["image"][0], 17, 3)
        values = np.arange(np.prod(shape), dtype=np.float32)
        for name, allocator in self.allocators.items():
            address = allocator.reallocate_output_async(name, 0, values.nbytes + 100, 256, stream)
            ctypes.memmove(address, values.tobytes(), values.nbytes)
            allocator.notify_shape(name, shape)
        return set(self.addresses) == {"image"}


class FakeTensorRt:
    """The part of TensorRT's API that the engine calls, recording what it was asked."""

    __version__ = "10.9"
    IOutputAllocator = type("IOutputAllocator", (), {})
    TensorIOMode = SimpleNamespace(INPUT="in", OUTPUT="out")
    NetworkDefinitionCreationFlag = SimpleNamespace(EXPLICIT_BATCH=0)
    MemoryPoolType = SimpleNamespace(WORKSPACE="workspace")
    BuilderFlag = SimpleNamespace(FP16="fp16", INT8="int8")

    class Logger:
        ERROR = 1

        def __init__(self, level: int) -> None:
            self.level = level

    def __init__(self) -> None:
        self.flags: list[str] = []
        self.shapes: list[tuple[tuple[int, ...], ...]] = []
        self.builds = 0
        self.readable, self.current = True, True

    def nptype(self, dtype: Any) -> Any:
        return dtype

    def Builder(self, logger: Any) -> Any:
        profile = SimpleNamespace(set_shape=lambda name, *shapes: self.shapes.append(shapes))
        config = SimpleNamespace(
            set_memory_pool_limit=lambda *_: None, set_flag=self.flags.append,
            add_optimization_profile=lambda _: None,
        )  # fmt: skip
        port = SimpleNamespace(name="image", shape=NAMES["image"][0])

        def build(network: Any, config: Any) -> bytes:
            self.builds += 1
            return b"plan"

        return SimpleNamespace(
            create_network=lambda flags: SimpleNamespace(num_inputs=1, get_input=lambda i: port),
            create_builder_config=lambda: config,
            create_optimization_profile=lambda: profile,
            build_serialized_network=build,
        )

    def OnnxParser(self, network: Any, logger: Any) -> Any:
        return SimpleNamespace(
            parse=lambda data: self.readable, num_errors=1,
            get_error=lambda i: SimpleNamespace(desc=lambda: "no such operation"),
        )  # fmt: skip

    def Runtime(self, logger: Any) -> Any:
        names = list(NAMES)
        engine = SimpleNamespace(
            num_io_tensors=len(names), get_tensor_name=lambda i: names[i],
            get_tensor_shape=lambda name: NAMES[name][0], get_tensor_dtype=lambda name: NAMES[name][1],
            get_tensor_mode=lambda name: "in" if name == "image" else "out", create_execution_context=FakeContext,
        )  # fmt: skip

        def deserialise(plan: bytes) -> Any:
            assert plan == b"plan", "the card must not reach TensorRT"
            return engine if self.current else None

        return SimpleNamespace(deserialize_cuda_engine=deserialise)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTensorRt:
    module = FakeTensorRt()
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    monkeypatch.setenv("RTM_HOME", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "some GPU")
    return module


def test_a_model_is_built_once_for_a_precision_with_room_for_64_crops(
    fake: FakeTensorRt, tmp_path: Path
) -> None:
    engine = open_engine(find_model("rtmpose-t"), engine="tensorrt", device="cuda", precision="float16")
    assert fake.shapes == [((1, 128, 96, 3), (8, 128, 96, 3), (64, 128, 96, 3))]
    assert fake.flags == ["fp16"]
    assert engine.inputs == [Port("image", (None, 128, 96, 3), "uint8")]
    assert engine.outputs == [Port("keypoints", (None, 17, 3), "float32")]
    assert engine.card is not None and engine.card.name == "rtmpose-t"
    assert engine.facts()["providers"] == ["some GPU"]
    open_engine(find_model("rtmpose-t"), engine="tensorrt", device="cuda", precision="float16")
    assert fake.builds == 1
    open_engine(find_model("rtmpose-t"), engine="tensorrt", device="cuda")
    assert fake.builds == 2
    assert len(list((tmp_path / "tensorrt").glob("rtmpose-t-*.engine"))) == 2


def test_a_build_belongs_to_a_gpu_a_version_and_the_models_bytes(fake: FakeTensorRt, tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(b"a")
    told = {"gpu": "A", "version": "10", "precision": "float16"}
    first = tensorrt.kept_path(model, **told)
    others = {tensorrt.kept_path(model, **{**told, key: "B"}) for key in told}
    model.write_bytes(b"b")
    others.add(tensorrt.kept_path(model, **told))
    assert len(others | {first}) == 5


def test_a_run_gives_the_rows_that_tensorrt_says_there_are(
    fake: FakeTensorRt, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(find_model("rtmpose-t"), engine="tensorrt", device="cuda")
    engine._device = "cpu"  # type: ignore[attr-defined]  # memory of this machine stands in for the GPU's
    stream = SimpleNamespace(cuda_stream=0, synchronize=lambda: None)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda *_: stream)
    out = engine({"image": np.zeros((3, 128, 96, 3), np.uint8)})
    np.testing.assert_array_equal(out["keypoints"], np.arange(3 * 17 * 3).reshape(3, 17, 3))
    assert out["keypoints"].dtype == np.float32


def test_what_tensorrt_cannot_do_is_one_sentence(fake: FakeTensorRt, monkeypatch: pytest.MonkeyPatch) -> None:
    model = find_model("rtmpose-t")
    with pytest.raises(UsageError, match="--device cuda"):
        open_engine(model, engine="tensorrt")
    with pytest.raises(UsageError, match="float16"):
        open_engine(model, engine="tensorrt", device="cuda", precision="bfloat16")
    fake.readable = False
    with pytest.raises(DataError, match="no such operation"):
        open_engine(model, engine="tensorrt", device="cuda")
    fake.readable, fake.current = True, False
    with pytest.raises(DataError, match="build it again"):
        open_engine(model, engine="tensorrt", device="cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(MissingError, match="0 CUDA devices"):
        open_engine(model, engine="tensorrt", device="cuda")
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingError, match=r"rtmcli\[tensorrt\]"):
        open_engine(model, engine="tensorrt", device="cuda")
