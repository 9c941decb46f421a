"""ONNX Runtime: the engine of the base install, for .onnx files."""

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from rtmcli.engines.base import Arrays, Port, split_device
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

    def __init__(self, session: Any, *, device: str, precision: str, threads: int) -> None:
        self.session = session
        self.inputs = [_port(port) for port in session.get_inputs()]
        self.outputs = [_port(port) for port in session.get_outputs()]
        text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        self.card = Card.from_json(text) if text else None
        self._device, self._precision, self._threads = device, precision, threads
        self._names = [port.name for port in self.outputs]

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        wanted = list(names) if names is not None else self._names
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
        raise UsageError(f"onnxruntime knows no device {device!r}; use one of {', '.join(PROVIDERS)}")
    if precision != "float32":
        raise UsageError(
            f"onnxruntime computes in the file's own precision, not in {precision} on demand; "
            "use --precision float32, or another --engine"
        )
    if provider not in onnxruntime.get_available_providers():
        raise MissingError(f"this onnxruntime has no {provider}; {mixed_up() or _remedy(kind)}")
    if not path.is_file():
        raise MissingError(f"no model file {str(path)!r}; 'rtm models' lists the models that are here")

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    # Spinning threads burn the core that decodes the next frame.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if kind not in ("cpu", "coreml"):
        # Otherwise a provider that cannot start leaves the work to the CPU without a word.
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    providers = [(provider, {"device_id": str(index)})] if kind in ("cuda", "tensorrt") else [provider]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # the runtime raises a family of types of its own
        reason = str(error).strip().splitlines()[0]
        if kind == "cpu":
            raise DataError(f"{path}: onnxruntime cannot read this model: {reason}") from None
        raise MissingError(f"{path}: onnxruntime cannot run on {device}: {reason}; {_remedy(kind)}") from None
    if session.get_providers()[0] != provider:
        raise MissingError(
            f"{path}: onnxruntime took {session.get_providers()[0]}, not {provider}; {_remedy(kind)}"
        )
    return OnnxRuntimeEngine(session, device=device, precision=precision, threads=threads)


def check_installation(package: Any) -> None:
    """Raises MissingError where the package is what an uninstallation of one of its two kinds left of both."""
    if not hasattr(package, "InferenceSession"):
        raise MissingError(
            mixed_up() or "onnxruntime is damaged; 'pip install --force-reinstall onnxruntime' mends it"
        )


def mixed_up() -> str | None:
    """What to do where onnxruntime and onnxruntime-gpu, which share a folder, are installed over each other."""
    both = [name for name in ("onnxruntime", "onnxruntime-gpu") if _is_installed(name)]
    if len(both) < 2:
        return None
    return (
        "onnxruntime and onnxruntime-gpu are installed over each other; "
        "'pip uninstall -y onnxruntime onnxruntime-gpu' and then 'pip install onnxruntime-gpu' mend it"
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
            "'pip uninstall -y onnxruntime && pip install onnxruntime-gpu' gets it, --device cpu does without"
        )
    return "use --device cpu"


def _port(port: Any) -> Port:
    shape = tuple(size if isinstance(size, int) else None for size in port.shape)
    dtype = port.type.removeprefix("tensor(").removesuffix(")")
    return Port(port.name, shape, {"float": "float32", "double": "float64"}.get(dtype, dtype))
