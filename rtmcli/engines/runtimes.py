"""The runtimes by name. Each is imported when a model is opened with it."""

from importlib import import_module
from pathlib import Path

from rtmcli import telemetry
from rtmcli.engines.base import Engine, check_precision
from rtmcli.errors import UsageError

# Every module that imports a runtime is in this package or in `export`: both do this first.
telemetry.switch_off()

ENGINES = ("onnxruntime", "openvino", "ncnn", "torch", "tensorrt")
# File formats that one runtime alone opens.
NATIVE = {".param": "ncnn", ".xml": "openvino", ".engine": "tensorrt", ".pt": "torch"}


def open_runtime(engine: str, path: Path, *, device: str, precision: str, threads: int) -> Engine:
    """Open a model file with the runtime `engine`; arguments and errors as for `rtmcli.engines.open_engine`."""
    native = NATIVE.get(path.suffix, engine)
    if engine != native:
        raise UsageError(f"{path} is a file for {native}; open it with --engine {native}")
    opened: Engine = import_module(f"rtmcli.engines.{engine}").open_model(
        path, device=device, precision=check_precision(precision), threads=threads
    )
    return opened
