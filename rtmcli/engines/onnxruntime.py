"""ONNX Runtime: the engine of the base install, for .onnx files."""

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from rtmcli.engines.base import Arrays, Port, split_device
from rtmcli.engines.runtime_errors import check_file, reason_of, running
from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.zoo.card import METADATA_KEY, Card

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}


class OnnxRuntimeEngine:
    """An ONNX file in an inference session. `open_model` makes one."""

    def __init__(self, session: Any, path: Path, *, device: str, precision: str, threads: int) -> None:
        self.session, self._path = session, path
        self.inputs = [_port(port) for port in session.get_inputs()]
        self.outputs = [_port(port) for port in session.get_outputs()]
        text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        self.card = Card.from_json(text) if text else None
        self._device, self._precision, self._threads = device, precision, threads
        self._names = [port.name for port in self.outputs]

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        wanted = list(names) if names is not None else self._names
        with running("onnxruntime", str(self._path)):
            return dict(zip(wanted, self.session.run(wanted, feeds), strict=True))

    def facts(self) -> dict[str, Any]:
        import onnxruntime

        return {
            "engine": "onnxruntime",
            "version": onnxruntime.__version__,
            "device": self._device,
            "providers": self.session.get_providers(),
            "precision": self._precision,
            "threads": self._threads,
        }


def open_model(path: Path, *, device: str, precision: str, threads: int) -> OnnxRuntimeEngine:
    """Open an ONNX file on one device; errors as for `engines.open_engine`."""
    import onnxruntime

    check_installation(onnxruntime)
    kind, index = split_device(device)
    provider = PROVIDERS.get(kind)
    if provider is None:
        raise UsageError(f"onnxruntime has no device {device!r}; expected one of {', '.join(PROVIDERS)}")
    if precision != "float32":
        raise UsageError(
            f"onnxruntime computes in the precision of the file and cannot change it to {precision}; "
            "use --precision float32, or another --engine"
        )
    if provider not in onnxruntime.get_available_providers():
        raise MissingError(f"this onnxruntime has no {provider}; {mixed_up() or _remedy(kind)}")
    check_file(path)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    # Spinning threads take CPU time from the thread that decodes the next frame.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if kind not in ("cpu", "coreml"):
        # Otherwise a provider that cannot start falls back to the CPU silently.
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    providers = [(provider, {"device_id": str(index)})] if kind in ("cuda", "tensorrt") else [provider]
    try:
        # With its fallback the runtime prints to stdout, and tries the CPU.
        session = onnxruntime.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
    except Exception as error:  # the runtime raises types of its own
        reason = reason_of(error)
        if kind == "cpu":
            raise DataError(f"{path}: onnxruntime cannot read this model: {reason}") from None
        raise MissingError(f"{path}: onnxruntime cannot run on {device}: {reason}; {_remedy(kind)}") from None
    if session.get_providers()[0] != provider:
        raise MissingError(
            f"{path}: onnxruntime chose {session.get_providers()[0]}, not {provider}; {_remedy(kind)}"
        )
    return OnnxRuntimeEngine(session, path, device=device, precision=precision, threads=threads)


def check_installation(package: Any) -> None:
    """Raises MissingError where files of the package are missing, as after uninstalling one of its two variants."""
    if not hasattr(package, "InferenceSession"):
        raise MissingError(
            mixed_up() or "onnxruntime is incomplete; 'pip install --force-reinstall onnxruntime' repairs it"
        )


def mixed_up() -> str | None:
    """The remedy where onnxruntime and onnxruntime-gpu, which share a folder, are both installed, else None."""
    both = [name for name in ("onnxruntime", "onnxruntime-gpu") if _is_installed(name)]
    if len(both) < 2:
        return None
    return (
        "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files; "
        "'pip uninstall -y onnxruntime onnxruntime-gpu', then 'pip install onnxruntime-gpu' repairs it"
    )


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _remedy(kind: str) -> str:
    if kind in ("cuda", "tensorrt"):
        return (
            "'pip uninstall -y onnxruntime && pip install onnxruntime-gpu' installs it; or use --device cpu"
        )
    return "use --device cpu"


def _port(port: Any) -> Port:
    shape = tuple(size if isinstance(size, int) else None for size in port.shape)
    dtype = port.type.removeprefix("tensor(").removesuffix(")")
    return Port(port.name, shape, {"float": "float32", "double": "float64"}.get(dtype, dtype))
