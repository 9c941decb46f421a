"""`--engine auto`: the fastest engine and precision that is installed for a model here, measured once and kept.

What was measured lies in `$RTM_HOME/engines.json`, under the machine, the model's bytes, the runtimes' versions,
device, threads and the precision asked for; any other of these is measured anew. Without a precision asked for,
bfloat16 takes part where the CPU has it, and being chosen it is said. What was not measured is never chosen.
"""

import hashlib
import json
import os
import platform
import sys
import time
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.engines.base import Arrays, Engine, non_finite
from rtmcli.errors import MissingError, RtmError
from rtmcli.files import write_atomically
from rtmcli.settings import current, home

PACKAGES = ("onnxruntime", "onnxruntime-gpu", "openvino", "ncnn", "torch", "tensorrt")
ROUNDS, RUNS = 10, 3  # interleaved, so that a neighbour's load falls on all alike
SIDE = 320  # of a picture, where the file leaves the size open

Choice = tuple[str, str]  # engine, precision


def choose_engine(path: Path, *, device: str, precision: str | None, threads: int) -> Choice:
    """The engine and precision to open a model with.

    Raises MissingError where no engine that is here can open it.
    """
    key = _key(path, device, precision, threads)
    kept = _read()
    found = kept.get(key, {})
    if not _is_choice(found):
        found = _measured(path, device=device, precision=precision, threads=threads)
        _keep({**kept, key: found})
    _say(path, found, precision)
    return found["engine"], found["precision"]


def candidates(path: Path, device: str, precision: str | None) -> list[Choice]:
    """Engines that may be able to open the file on the device, in float32 or as asked, and bfloat16 where free."""
    cpu = device.startswith("cpu")
    engines = {".param": ["ncnn"], ".xml": ["openvino"], ".engine": ["tensorrt"]}.get(path.suffix)
    if engines is None:
        if path.suffix == ".onnx":
            engines = ["onnxruntime", "openvino"] if cpu else ["onnxruntime", "torch"]
        else:
            engines = ["torch"]
    there = [name for name in engines if find_spec(name) is not None]
    if precision is not None:
        return [(name, precision) for name in there]
    lower = "bfloat16" if cpu else "float16"
    faster = [(name, lower) for name in there if name == "openvino" or not cpu]
    return [(name, "float32") for name in there] + faster


def _measured(path: Path, *, device: str, precision: str | None, threads: int) -> dict[str, Any]:
    from rtmcli.engines import open_engine

    opened: dict[Choice, tuple[Engine, Arrays]] = {}
    reasons = []
    for choice in candidates(path, device, precision):
        try:
            engine = open_engine(path, engine=choice[0], device=device, precision=choice[1], threads=threads)
            feeds = _example(engine)
            if non_finite(engine(feeds)):
                reasons.append(f"{choice[0]} gives no numbers in {choice[1]}")
                continue
        except RtmError as error:
            reasons.append(str(error))
            continue
        opened[choice] = engine, feeds
    if not opened:
        why = "; ".join(reasons) or "none is installed"
        raise MissingError(f"no engine here opens {path} on {device}: {why}")
    laps: dict[Choice, list[float]] = {choice: [] for choice in opened}
    for _ in range(ROUNDS):
        for choice, (engine, feeds) in opened.items():
            for _ in range(RUNS):
                start = time.perf_counter()
                engine(feeds)
                laps[choice].append(time.perf_counter() - start)
    # The best lap: whatever else the machine does can only make one longer.
    times = {choice: min(lap) * 1000 for choice, lap in laps.items()}
    best = min(times, key=lambda choice: times[choice])
    return {
        "model": path.name,
        "engine": best[0],
        "precision": best[1],
        "ms": {" ".join(choice): round(value, 3) for choice, value in times.items()},
    }


def _example(engine: Engine) -> Arrays:
    """Noise in the form of the engine's input, one picture."""
    port = engine.inputs[0]
    noise = np.random.default_rng(0)
    shape = (1, *(size or SIDE for size in port.shape[1:]))
    if port.dtype == "uint8":
        return {port.name: noise.integers(0, 256, shape, np.uint8)}
    return {port.name: noise.standard_normal(shape, np.float32)}


def _key(path: Path, device: str, precision: str | None, threads: int) -> str:
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    if not path.is_file():
        raise MissingError(f"no model file {str(path)!r}; 'rtm models' lists the models that are here")
    machine = (platform.node(), platform.machine(), platform.processor(), str(os.cpu_count()))
    digest = hashlib.sha256(path.read_bytes())
    digest.update("\0".join((*machine, *versions, device, str(precision), str(threads))).encode())
    return digest.hexdigest()[:32]


def _place() -> Path:
    return home() / "engines.json"


def _read() -> dict[str, dict[str, Any]]:
    try:
        kept = json.loads(_place().read_bytes())
    except (OSError, ValueError):  # absent or damaged: measure again
        return {}
    return kept if isinstance(kept, dict) else {}


def _is_choice(found: Any) -> bool:
    return isinstance(found, dict) and {"engine", "precision", "ms"} <= found.keys()


def _keep(choices: dict[str, Any]) -> None:
    """Write the table whole; where the folder cannot be written, the next run measures again."""
    with suppress(OSError, RtmError):
        _place().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_place(), (json.dumps(choices, indent=1) + "\n").encode())


def _say(path: Path, found: dict[str, Any], precision: str | None) -> None:
    """What was chosen; always where it computes in less than float32 without having been told to."""
    lowered = precision is None and found["precision"] != "float32"
    if current().quiet or not (lowered or sys.stderr.isatty()):
        return
    others = ", ".join(f"{name} {ms:g}" for name, ms in found["ms"].items())
    remedy = "; --precision float32 keeps it exact" if lowered else ""
    print(
        f"rtm: {path.name} runs on {found['engine']} in {found['precision']} (ms a run: {others}){remedy}",
        file=sys.stderr,
    )
