"""OpenVINO: the fastest engine on x86-64 CPUs with bfloat16; opens .onnx and .xml files."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.cpus import available_cpus
from rtmcli.engines.base import Arrays, Port, split_device
from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.zoo.card import METADATA_KEY, Card
from rtmcli.zoo.metadata import read_card

HINTS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}
MOST_STREAMS = 16  # each holds its own activations
CAPABILITY = {"float32": "FP32", "float16": "FP16", "bfloat16": "BF16"}


class OpenVinoEngine:
    """A compiled model with one inference request for each calling thread. `open_model` makes one."""

    def __init__(
        self, compiled: Any, *, card: Card | None, device: str, precision: str, threads: int
    ) -> None:
        self.compiled = compiled
        self.card = card
        self.inputs = [_port(port) for port in compiled.inputs]
        self.outputs = [_port(port) for port in compiled.outputs]
        self._device, self._precision, self._threads = device, precision, threads
        self._index = {port.name: index for index, port in enumerate(self.outputs)}
        self._local = threading.local()

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self.compiled.create_infer_request()
        # Shared memory hands numpy's buffer over as it is; the outputs are the request's own, hence the copy.
        request.infer({name: np.ascontiguousarray(value) for name, value in feeds.items()}, share_inputs=True)
        wanted = list(names) if names is not None else list(self._index)
        return {name: request.get_output_tensor(self._index[name]).data.copy() for name in wanted}

    def facts(self) -> dict[str, Any]:
        import openvino

        return {
            "engine": "openvino",
            "version": openvino.__version__.split("-")[0],
            "device": self._device,
            "providers": list(self.compiled.get_property("EXECUTION_DEVICES")),
            "precision": self._precision,
            "threads": self._threads,
        }


def open_model(path: Path, *, device: str, precision: str, threads: int) -> OpenVinoEngine:
    """Compile an ONNX or OpenVINO IR file for one device; errors as for `engines.open_engine`."""
    try:
        import openvino
    except ImportError:
        raise MissingError("openvino is not installed; 'pip install rtmcli[openvino]' gets it") from None

    kind, index = split_device(device)
    if kind not in ("cpu", "gpu", "npu"):
        raise UsageError(f"openvino knows no device {device!r}; use cpu, gpu or npu")
    if precision not in HINTS:
        raise UsageError(
            f"openvino computes in the file's own {precision}, not on demand; export the model with --int8"
        )
    if not path.is_file():
        raise MissingError(f"no model file {str(path)!r}; 'rtm models' lists the models that are here")
    core = openvino.Core()
    name = kind.upper() if index == 0 else f"{kind.upper()}.{index}"
    if not any(have.split(".")[0] == kind.upper() for have in core.available_devices):
        raise MissingError(
            f"openvino finds no {kind} here, only {', '.join(core.available_devices)}; use --device cpu"
        )
    if CAPABILITY[precision] not in core.get_property(name, "OPTIMIZATION_CAPABILITIES"):
        raise MissingError(f"this {kind} has no {precision} arithmetic; use --precision float32")
    # Left to itself the runtime takes bfloat16 wherever the CPU has it.
    config: dict[str, Any] = {"INFERENCE_PRECISION_HINT": HINTS[precision]}
    if kind == "cpu":
        # A stream runs one call at a time on its own threads: as many as there are CPUs for calls side by side.
        streams = min(MOST_STREAMS, max(1, available_cpus() // threads))
        config |= {
            "INFERENCE_NUM_THREADS": threads * streams,
            "NUM_STREAMS": streams,
            "ENABLE_CPU_PINNING": False,
        }
    try:
        model = core.read_model(path)
        compiled = core.compile_model(model, name, config)
    except RuntimeError as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), "unknown reason")
        raise DataError(f"{path}: openvino cannot read this model: {reason.strip()}") from None
    return OpenVinoEngine(
        compiled, card=_card(path, model), device=device, precision=precision, threads=threads
    )


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
