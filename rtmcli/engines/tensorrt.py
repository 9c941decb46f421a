"""TensorRT: NVIDIA's runtime; opens .onnx files, which it builds once for the GPU, and .engine files.

A build takes minutes, so it is kept under `$RTM_HOME/tensorrt`, named after the model's bytes, the GPU, TensorRT's
version and the precision: a change of any of them is another build. PyTorch holds the memory on the device.
"""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.engines.base import Arrays, Port, split_device
from rtmcli.engines.runtime_errors import check_file, reading, running
from rtmcli.errors import DataError, MissingError, RtmError, UsageError
from rtmcli.files import write_atomically
from rtmcli.settings import home
from rtmcli.zoo.card import Card
from rtmcli.zoo.metadata import read_card

BATCHES = (1, 8, 64)  # minimum, optimum and maximum batch of the optimisation profile
SIDES = (64, 320, 1280)  # minimum, optimum and maximum of a side that the file leaves open
WORKSPACE = 1 << 32


class TensorRtEngine:
    """A built engine with one execution context. `open_model` makes one."""

    def __init__(self, built: Any, card: Card | None, *, device: str, precision: str) -> None:
        import tensorrt as trt

        self.card = card
        self._built = built  # must live as long as its context
        self._context = built.create_execution_context()
        self._device, self._precision = device, precision
        self._lock = threading.Lock()  # a context runs one thing at a time
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []
        for i in range(built.num_io_tensors):
            name = built.get_tensor_name(i)
            shape = tuple(None if size < 0 else int(size) for size in built.get_tensor_shape(name))
            port = Port(name, shape, np.dtype(trt.nptype(built.get_tensor_dtype(name))).name)
            taken = built.get_tensor_mode(name) == trt.TensorIOMode.INPUT
            (self.inputs if taken else self.outputs).append(port)

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        import torch

        wanted = list(names) if names is not None else [port.name for port in self.outputs]
        with running("tensorrt", self.card.name if self.card else "model"), self._lock:
            held = {}
            for name, value in feeds.items():
                held[name] = torch.from_numpy(np.ascontiguousarray(value)).to(self._device)
                self._context.set_input_shape(name, tuple(value.shape))
                self._context.set_tensor_address(name, held[name].data_ptr())
            # The number of rows after suppression is known only then: TensorRT allocates these outputs itself.
            rows = _allocator_class()(torch, self._device)
            for port in self.outputs:
                self._context.set_output_allocator(port.name, rows)
            stream = torch.cuda.current_stream(self._device)
            if not self._context.execute_async_v3(stream.cuda_stream):
                raise RtmError("tensorrt failed to run this batch; use smaller batches")
            stream.synchronize()
            return {port.name: rows.array(port) for port in self.outputs if port.name in wanted}

    def facts(self) -> dict[str, Any]:
        import tensorrt as trt
        import torch

        return {
            "engine": "tensorrt",
            "version": trt.__version__,
            "device": self._device,
            "providers": [torch.cuda.get_device_name(self._device)],
            "precision": self._precision,
            "threads": 1,
        }


def _allocator_class() -> Any:
    """Implements TensorRT's output allocator; its base class exists only once tensorrt is imported."""
    import tensorrt as trt

    class Rows(trt.IOutputAllocator):  # type: ignore[misc]  # tensorrt has no types
        def __init__(self, torch: Any, device: str) -> None:
            trt.IOutputAllocator.__init__(self)
            self._torch, self._where = torch, device
            self._memory: dict[str, Any] = {}
            self._shapes: dict[str, tuple[int, ...]] = {}

        def reallocate_output(self, name: str, memory: int, size: int, alignment: int) -> int:
            self._memory[name] = self._torch.empty(max(size, 1), dtype=self._torch.uint8, device=self._where)
            return int(self._memory[name].data_ptr())

        def reallocate_output_async(self, name: str, memory: int, size: int, alignment: int, _: int) -> int:
            return self.reallocate_output(name, memory, size, alignment)

        def notify_shape(self, name: str, shape: Sequence[int]) -> None:
            self._shapes[name] = tuple(shape)

        def array(self, port: Port) -> Any:
            raw = self._memory[port.name].cpu().numpy()
            shape = self._shapes[port.name]
            count = int(np.prod(shape)) * np.dtype(port.dtype).itemsize
            return raw[:count].view(port.dtype).reshape(shape)

    return Rows


def open_model(path: Path, *, device: str, precision: str, threads: int) -> TensorRtEngine:
    """Open an ONNX file (built on first use) or an .engine file; errors as for `engines.open_engine`."""
    kind, index = split_device(device)
    if kind != "cuda":
        raise UsageError(f"tensorrt has no device {device!r}; give --device cuda")
    if precision == "bfloat16":
        raise UsageError("the tensorrt engine has no bfloat16; expected float32, float16 or int8")
    check_file(path)
    trt, torch = _packages(device, index)
    file = path
    if path.suffix == ".onnx":
        file = kept_path(
            path, gpu=torch.cuda.get_device_name(index), version=trt.__version__, precision=precision
        )
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            build_file(path, file, precision=precision)
    with reading("tensorrt", file):
        runtime = trt.Runtime(_logger(trt))
        built = runtime.deserialize_cuda_engine(_body(file))
    if built is None:
        raise DataError(
            f"{file}: was built by another version of TensorRT (installed: {trt.__version__}) or for another GPU; "
            "build it again"
        )
    return TensorRtEngine(built, _card(file), device=f"cuda:{index}", precision=precision)


def kept_path(model: Path, *, gpu: str, version: str, precision: str) -> Path:
    """Where the build of a model for one GPU, version and precision is kept."""
    digest = hashlib.sha256(model.read_bytes())
    digest.update("\0".join((gpu, version, precision, *map(str, BATCHES + SIDES))).encode())
    return home() / "tensorrt" / f"{model.stem}-{digest.hexdigest()[:24]}.engine"


def build_file(source: Path, path: Path, *, precision: str) -> Path:
    """Build an ONNX file for the GPU of this machine and write the build with the card in front.

    Raises:
        MissingError: no TensorRT, PyTorch or GPU. DataError: TensorRT cannot read the model.
        RtmError: it cannot build the model.
    """
    trt, _ = _packages("cuda", 0)
    builder = trt.Builder(_logger(trt))
    # int8 models have QDQ nodes, which TensorRT accepts in explicit-batch networks of any version.
    flags = 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, _logger(trt))
    if not parser.parse(source.read_bytes()):
        reason = parser.get_error(0).desc() if parser.num_errors else "unknown reason"
        raise DataError(f"{source}: tensorrt cannot read this model: {reason}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE)
    if precision in ("float16", "int8"):
        config.set_flag(trt.BuilderFlag.FP16)
    if precision == "int8":
        config.set_flag(trt.BuilderFlag.INT8)
    profile = builder.create_optimization_profile()
    for i in range(network.num_inputs):
        port = network.get_input(i)
        shape = tuple(port.shape)
        batches = BATCHES if shape[0] < 0 else (shape[0],) * 3
        profile.set_shape(
            port.name,
            *(
                (batch, *(side if size < 0 else size for size in shape[1:]))
                for batch, side in zip(batches, SIDES, strict=True)
            ),
        )
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise RtmError(f"{source}: tensorrt failed to build this model for this GPU")
    card = read_card(source)
    text = card.to_json().encode() if card is not None else b""
    write_atomically(path, MAGIC + len(text).to_bytes(8, "little") + text + bytes(plan))
    return path


MAGIC = b"rtmtrt1\n"  # then 8 bytes with the length of the card, the card, and TensorRT's own plan


def _body(path: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        return data  # a build without a card
    start = len(MAGIC) + 8
    return data[start + int.from_bytes(data[len(MAGIC) : start], "little") :]


def _card(path: Path) -> Card | None:
    data = path.read_bytes()
    start = len(MAGIC) + 8
    length = int.from_bytes(data[len(MAGIC) : start], "little") if data.startswith(MAGIC) else 0
    return Card.from_json(data[start : start + length].decode()) if length else None


def _packages(device: str, index: int) -> tuple[Any, Any]:
    """The modules of TensorRT and PyTorch. Raises MissingError without them or without the GPU."""
    try:
        import tensorrt as trt
    except ImportError:
        raise MissingError("tensorrt is not installed; pip install 'rtmcli[tensorrt]'") from None
    try:
        import torch
    except ImportError:
        raise MissingError(
            "PyTorch, with which the tensorrt engine manages GPU memory, is not installed; pip install 'rtmcli[torch]'"
        ) from None
    if index >= torch.cuda.device_count():
        raise MissingError(
            f"torch {torch.__version__} sees {torch.cuda.device_count()} CUDA devices, not {device}; "
            "install a CUDA build of torch and the NVIDIA driver, or use another --engine"
        )
    return trt, torch


def _logger(trt: Any) -> Any:
    return trt.Logger(trt.Logger.ERROR)
