"""OpenVINO: the fastest engine on x86-64 CPUs with bfloat16; opens .onnx and .xml files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.cpus import available_cpus
from rtmcli.engines.base import Arrays, Port, split_device
from rtmcli.engines.infer_request_pool import Lanes, Shapes
from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.zoo.card import METADATA_KEY, Card
from rtmcli.zoo.metadata import read_card

HINTS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}
MOST_LANES = 16  # each holds its own activations
MOST_WEIGHTS = 256 << 20  # bytes of model file, over all lanes together, that each may have its own copy of
CAPABILITY = {"float32": "FP32", "float16": "FP16", "bfloat16": "BF16"}


class OpenVinoEngine:
    """A model that is compiled as calls ask for it. `open_model` makes one."""

    def __init__(
        self,
        model: Any,
        lanes: Lanes,
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
        self._lanes, self._device, self._providers = lanes, device, providers
        self._precision, self._threads = precision, threads
        self._index = {port.name: index for index, port in enumerate(self.outputs)}

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        arrays = {name: np.ascontiguousarray(value) for name, value in feeds.items()}
        wanted = list(names) if names is not None else list(self._index)
        shapes = tuple((name, array.shape) for name, array in arrays.items())
        with self._lanes.free() as lane:
            request = lane.request(shapes)
            # Shared memory hands numpy's buffer over as it is; the outputs are the request's own, hence the copy.
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
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise _unreadable(path, error) from None
    # Left to itself the runtime takes bfloat16 wherever the CPU has it.
    config: dict[str, Any] = {"INFERENCE_PRECISION_HINT": HINTS[precision]}
    most = min(MOST_LANES, max(1, available_cpus() // threads))
    shared = kind != "cpu" or most * _weights(path) > MOST_WEIGHTS
    if kind == "cpu":
        streams = most if shared else 1
        config |= {
            "INFERENCE_NUM_THREADS": threads * streams,
            "NUM_STREAMS": streams,
            "ENABLE_CPU_PINNING": False,
        }

    def compiled(shaped: Any) -> Any:
        try:
            return core.compile_model(shaped, name, config)
        except RuntimeError as error:
            raise _unreadable(path, error) from None

    lanes = Lanes(model, compiled, most=most, shared=shared)
    with lanes.free() as lane:  # what does not compile is known now
        first = lane.made(_single(model)).get_compiled_model()
    return OpenVinoEngine(
        model,
        lanes,
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
    """The inputs' shapes for one picture, None where the file leaves more than the batch open."""
    shapes = [(port.any_name, port.partial_shape) for port in model.inputs]
    if any(size.is_dynamic for _, shape in shapes for size in list(shape)[1:]):
        return None
    return tuple((name, (1, *(size.get_length() for size in list(shape)[1:]))) for name, shape in shapes)


def _unreadable(path: Path, error: RuntimeError) -> DataError:
    reason = next((line for line in str(error).splitlines() if line.strip()), "unknown reason")
    return DataError(f"{path}: openvino cannot read this model: {reason.strip()}")


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
