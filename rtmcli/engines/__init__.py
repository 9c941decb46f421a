"""Runtimes behind one protocol, one file each; a runtime is imported when a model is opened with it."""

from importlib import import_module
from pathlib import Path

from rtmcli.engines.base import Engine, check_precision
from rtmcli.errors import UsageError

ENGINES = ("onnxruntime", "openvino", "ncnn", "torch", "tensorrt")


def open_engine(
    path: str | Path,
    *,
    engine: str = "onnxruntime",
    device: str = "cpu",
    precision: str = "float32",
    threads: int | None = None,
) -> Engine:
    """Open a model file.

    Args:
        path: the model file.
        engine: one of `ENGINES`.
        device: `cpu`, `cuda`, `cuda:1`, ... as the runtime knows them.
        precision: what the runtime computes in; float32 unless asked otherwise.
        threads: threads of one run; by default all CPUs that this process may use.

    Raises:
        UsageError: no such engine, device or precision, or one that this runtime cannot give.
        MissingError: the runtime is not installed, the file or the device is not here.
        DataError: the file is not a model that the runtime can read.
    """
    if engine not in ENGINES:
        raise UsageError(f"no such engine {engine!r}; use one of {', '.join(ENGINES)}")
    if threads is None:
        from rtmcli.cpus import available_cpus

        threads = available_cpus()
    if threads < 1:
        raise UsageError(f"{threads} threads cannot run a model; give 1 or more")
    opened: Engine = import_module(f"rtmcli.engines.{engine}").open_model(
        Path(path), device=device, precision=check_precision(precision), threads=threads
    )
    return opened
