"""Runtimes behind one protocol (`engines.base`), one file each."""

from pathlib import Path

from rtmcli.engines.auto import choose_engine
from rtmcli.engines.base import Engine, check_precision
from rtmcli.engines.runtimes import ENGINES, open_runtime
from rtmcli.errors import UsageError


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
        engine: one of `ENGINES`, or `auto` for the fastest that is installed (`engines.auto`).
        device: `cpu`, `cuda`, `cuda:1`, ... as the runtime knows them.
        precision: number format of the computation; float32 by default (`auto` may then choose a lower one).
        threads: threads of one run; by default all CPUs that this process may use.

    Raises:
        UsageError: there is no such engine, device or precision, or the runtime does not support it.
        MissingError: the runtime is not installed, or the file or the device does not exist.
        DataError: the runtime cannot read the file.

    Example:
        from rtmcli import find_model, open_engine

        engine = open_engine(find_model("rtmpose-t"), threads=1)
        print(engine.inputs, engine.outputs, engine.facts())
    """
    path = Path(path)
    if engine not in (*ENGINES, "auto"):
        raise UsageError(f"unknown engine {engine!r}; expected one of {', '.join(ENGINES)}, auto")
    if precision is not None:
        check_precision(precision)
    if threads is None:
        from rtmcli.cpus import available_cpus

        threads = available_cpus()
    if threads < 1:
        raise UsageError(f"a model cannot run on {threads} threads; give 1 or more")
    if engine == "auto":
        engine, precision = choose_engine(path, device=device, precision=precision, threads=threads)
    return open_runtime(engine, path, device=device, precision=precision or "float32", threads=threads)
