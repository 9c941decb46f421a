"""OpenVINO: the fastest engine on x86-64 CPUs with bfloat16; opens .onnx and .xml files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.cpus import available_cpus
from rtmcli.engines.base import Arrays, Port, split_device
from rtmcli.engines.infer_request_pool import InferRequestPool, Shapes
from rtmcli.engines.openvino_float16 import avoid_overflow
from rtmcli.engines.runtime_errors import check_file, reading, running
from rtmcli.errors import MissingError, UsageError
from rtmcli.zoo.card import METADATA_KEY, Card
from rtmcli.zoo.metadata import read_card

HINTS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}
MAX_SLOTS = 16  # each holds its own activations
# Bytes of weights, over all slots together, up to which each slot has its own copy.
MAX_WEIGHTS = 256 << 20
CAPABILITY = {"float32": "FP32", "float16": "FP16", "bfloat16": "BF16"}


class OpenVinoEngine:
    """A model that is compiled on demand. `open_model` makes one."""

    def __init__(
        self,
        model: Any,
        pool: InferRequestPool,
        path: Path,
        *,
        card: Card | None,
        device: str,
        providers: list[str],
        precision: str,
        threads: int,
    ) -> None:
        self.card = card
        self.inputs = [_port(port) for port in model.inputs]
        self.outputs = [_port(port) for port in model.outputs]
        self._pool, self._path, self._device, self._providers = pool, path, device, providers
        self._precision, self._threads = precision, threads
        self._index = {port.name: index for index, port in enumerate(self.outputs)}

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        arrays = {name: np.ascontiguousarray(value) for name, value in feeds.items()}
        wanted = list(names) if names is not None else list(self._index)
        shapes = tuple((name, array.shape) for name, array in arrays.items())
        with running("openvino", str(self._path)), self._pool.free_slot() as slot:
            request = slot.request(shapes)
            # The inputs are shared with numpy. The outputs belong to the request, hence the copy.
            request.infer(arrays, share_inputs=True, share_outputs=True)
            return {name: request.get_output_tensor(self._index[name]).data.copy() for name in wanted}

    def facts(self) -> dict[str, Any]:
        import openvino

        return {
            "engine": "openvino",
            "version": openvino.__version__.split("-")[0],
            "device": self._device,
            "providers": self._providers,
            "precision": self._precision,
            "threads": self._threads,
        }


def open_model(path: Path, *, device: str, precision: str, threads: int) -> OpenVinoEngine:
    """Compile an ONNX or OpenVINO IR file for one device; errors as for `engines.open_engine`."""
    try:
        import openvino
    except ImportError:
        raise MissingError("openvino is not installed; pip install 'rtmcli[openvino]'") from None

    kind, index = split_device(device)
    if kind not in ("cpu", "gpu", "npu"):
        raise UsageError(f"openvino has no device {device!r}; expected cpu, gpu or npu")
    if precision not in HINTS:
        raise UsageError(
            f"openvino computes in {precision} only where the file does; export the model with --int8"
        )
    check_file(path)
    core = openvino.Core()
    name = kind.upper() if index == 0 else f"{kind.upper()}.{index}"
    if not any(have.split(".")[0] == kind.upper() for have in core.available_devices):
        raise MissingError(
            f"openvino finds no device {kind}, only {', '.join(core.available_devices)}; use --device cpu"
        )
    if CAPABILITY[precision] not in core.get_property(name, "OPTIMIZATION_CAPABILITIES"):
        raise MissingError(f"this {kind} does not compute in {precision}; use --precision float32")
    with reading("openvino", path):
        model = core.read_model(path)
        if precision == "float16":
            avoid_overflow(model)
    # Without a hint the runtime computes in bfloat16 wherever the CPU supports it.
    config: dict[str, Any] = {"INFERENCE_PRECISION_HINT": HINTS[precision]}
    slots = min(MAX_SLOTS, max(1, available_cpus() // threads))
    shared = kind != "cpu" or slots * _weights(path) > MAX_WEIGHTS
    if kind == "cpu":
        streams = slots if shared else 1
        config |= {
            "INFERENCE_NUM_THREADS": threads * streams,
            "NUM_STREAMS": streams,
            "ENABLE_CPU_PINNING": False,
        }

    def compile_model(shaped: Any) -> Any:
        with reading("openvino", path):
            return core.compile_model(shaped, name, config)

    pool = InferRequestPool(model, compile_model, size=slots, shared=shared)
    # Compile once now, so that a model that cannot be compiled is an error here.
    with reading("openvino", path), pool.free_slot() as slot:
        first = slot.request_for(_single(model)).get_compiled_model()
        return OpenVinoEngine(
            model,
            pool,
            path,
            card=_card(path, model),
            device=device,
            providers=list(first.get_property("EXECUTION_DEVICES")),
            precision=precision,
            threads=threads,
        )


def _weights(path: Path) -> int:
    """Bytes of the file that holds the weights."""
    file = path if path.suffix == ".onnx" else path.with_suffix(".bin")
    return file.stat().st_size if file.is_file() else 0


def _single(model: Any) -> Shapes | None:
    """The inputs' shapes for one image, None where more than the batch is dynamic."""
    shapes = [(port.any_name, port.partial_shape) for port in model.inputs]
    if any(size.is_dynamic for _, shape in shapes for size in list(shape)[1:]):
        return None
    return tuple((name, (1, *(size.get_length() for size in list(shape)[1:]))) for name, shape in shapes)


def _card(path: Path, model: Any) -> Card | None:
    """The card of an ONNX file's metadata, or of an IR file's runtime information."""
    if path.suffix == ".onnx":
        return read_card(path)
    return (
        Card.from_json(model.get_rt_info(METADATA_KEY).astype(str))
        if model.has_rt_info(METADATA_KEY)
        else None
    )


def _port(port: Any) -> Port:
    shape = tuple(size.get_length() if size.is_static else None for size in port.partial_shape)
    return Port(port.any_name, shape, np.dtype(port.element_type.to_dtype()).name)
