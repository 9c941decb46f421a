"""Runtimes behind one protocol, one file each; a runtime is imported when a model is opened with it."""

from importlib import import_module
from pathlib import Path

from rtmcli import telemetry
from rtmcli.engines.base import Engine, check_precision
from rtmcli.errors import UsageError

# Every module that imports a runtime is in this package or in `export`: both do this first.
telemetry.switch_off()

# A file of one runtime's own.
NATIVE = {".param": "ncnn", ".xml": "openvino", ".engine": "tensorrt", ".pt": "torch"}
ENGINES = ("onnxruntime", "openvino", "ncnn", "torch", "tensorrt")


def open_engine(
    path: str | Path,
    *,
    engine: str = "onnxruntime",
    device: str = "cpu",
    precision: str | None = None,
    threads: int | None = None,
) -> Engine:
    """Open a model file.

    Args:
        path: the model file.
        engine: one of `ENGINES`, or `auto` for the fastest that is here (`engines.auto`).
        device: `cpu`, `cuda`, `cuda:1`, ... as the runtime knows them.
        precision: what the runtime computes in; float32 unless asked otherwise (`auto` may choose less then).
        threads: threads of one run; by default all CPUs that this process may use.

    Raises:
        UsageError: no such engine, device or precision, or one that this runtime cannot give.
        MissingError: the runtime is not installed, the file or the device is not here.
        DataError: the file is not a model that the runtime can read.
    """
    if engine not in (*ENGINES, "auto"):
        raise UsageError(f"no such engine {engine!r}; use one of {', '.join(ENGINES)}, auto")
    native = NATIVE.get(Path(path).suffix, engine)
    if engine not in (native, "auto"):
        raise UsageError(f"{path} is a file for {native}; --engine {native} runs it")
    if precision is not None:
        check_precision(precision)
    if threads is None:
        from rtmcli.cpus import available_cpus

        threads = available_cpus()
    if threads < 1:
        raise UsageError(f"{threads} threads cannot run a model; give 1 or more")
    if engine == "auto":
        from rtmcli.engines.auto import choose_engine

        engine, precision = choose_engine(Path(path), device=device, precision=precision, threads=threads)
    opened: Engine = import_module(f"rtmcli.engines.{engine}").open_model(
        Path(path), device=device, precision=precision or "float32", threads=threads
    )
    return opened
