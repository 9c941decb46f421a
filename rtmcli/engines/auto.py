"""`--engine auto`: the fastest installed engine and precision for a model, measured once and stored.

Measurements are stored in `$RTM_HOME/engines.json`. The key is made of the machine, the model's bytes, the runtimes'
versions, device, threads and the given precision; if one of them changes, the model is measured again. Without a given
precision, bfloat16 and float16 are measured too where the device computes in them, and a note says when one is chosen.
"""

import hashlib
import json
import os
import platform
import time
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.engines.base import Arrays, Engine, non_finite
from rtmcli.engines.runtimes import open_runtime
from rtmcli.errors import MissingError, RtmError
from rtmcli.files import write_atomically
from rtmcli.settings import home
from rtmcli.terminal.messages import say, say_on_terminal

PACKAGES = ("onnxruntime", "onnxruntime-gpu", "openvino", "ncnn", "torch", "tensorrt")
ROUNDS, RUNS = 10, 3  # interleaved, so that other load on the machine affects all candidates alike
SIDE = 320  # of the example image, where the file's size is dynamic

# x86 cores compute in bfloat16 (avx512_bf16, amx) and newer ones in float16, ARM cores in float16 and newer ones in
# bfloat16. ncnn's bfloat16 is storage alone.
LOWER_ON_CPU = {"openvino": ("bfloat16", "float16"), "ncnn": ("float16",)}

Choice = tuple[str, str]  # engine, precision


def choose_engine(path: Path, *, device: str, precision: str | None, threads: int) -> Choice:
    """The engine and precision to open a model with.

    Raises MissingError where no installed engine can open it.
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
    """Engines that may open the file on the device: in float32 or the given precision, and without one in lower ones.

    An engine refuses a precision that the device does not compute in, so what is tried here may fail to open.
    """
    cpu = device.startswith("cpu")
    engines = {".param": ["ncnn"], ".xml": ["openvino"], ".engine": ["tensorrt"]}.get(path.suffix)
    if engines is None:
        if path.suffix == ".onnx":
            engines = ["onnxruntime", "openvino"] if cpu else ["onnxruntime", "torch"]
        else:
            engines = ["torch"]
    installed = [name for name in engines if find_spec(name) is not None]
    if precision is not None:
        return [(name, precision) for name in installed]
    lower = LOWER_ON_CPU if cpu else {name: ("float16",) for name in installed}
    faster = [(name, one) for name in installed for one in lower.get(name, ())]
    return [(name, "float32") for name in installed] + faster


def _measured(path: Path, *, device: str, precision: str | None, threads: int) -> dict[str, Any]:
    opened: dict[Choice, tuple[Engine, Arrays]] = {}
    reasons = []
    for choice in candidates(path, device, precision):
        try:
            engine = open_runtime(choice[0], path, device=device, precision=choice[1], threads=threads)
            feeds = _example(engine)
            if non_finite(engine(feeds)):
                reasons.append(f"{choice[0]} gives NaN or infinity in {choice[1]}")
                continue
        except (RtmError, TypeError) as error:  # TypeError: an input type that numpy does not have
            reasons.append(str(error))
            continue
        opened[choice] = engine, feeds
    if not opened:
        why = "; ".join(reasons) or "none is installed"
        raise MissingError(f"no installed engine opens {path} on {device}: {why}")
    laps: dict[Choice, list[float]] = {choice: [] for choice in opened}
    for _ in range(ROUNDS):
        for choice, (engine, feeds) in opened.items():
            for _ in range(RUNS):
                start = time.perf_counter()
                engine(feeds)
                laps[choice].append(time.perf_counter() - start)
    # The shortest run of each: other load on the machine can only make a run longer.
    times = {choice: min(lap) * 1000 for choice, lap in laps.items()}
    best = min(times, key=lambda choice: times[choice])
    return {
        "model": path.name,
        "engine": best[0],
        "precision": best[1],
        "ms": {" ".join(choice): round(value, 3) for choice, value in times.items()},
    }


def _example(engine: Engine) -> Arrays:
    """Noise in the form of the engine's input, one image where the batch is dynamic."""
    port = engine.inputs[0]
    noise = np.random.default_rng(0)
    shape = (port.shape[0] or 1, *(size or SIDE for size in port.shape[1:]))
    if port.dtype == "uint8":
        return {port.name: noise.integers(0, 256, shape, np.uint8)}
    return {port.name: noise.standard_normal(shape, np.float32).astype(port.dtype)}


def _key(path: Path, device: str, precision: str | None, threads: int) -> str:
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    if not path.is_file():
        raise MissingError(f"no model file {str(path)!r}; 'rtm models' lists the installed models")
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
    """Store the table. Where the folder cannot be written to, the next run measures again."""
    with suppress(OSError, RtmError):
        _place().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_place(), (json.dumps(choices, indent=1) + "\n").encode())


def _say(path: Path, found: dict[str, Any], precision: str | None) -> None:
    """Report the choice on a terminal; everywhere if it is a lower precision that nobody asked for."""
    lowered = precision is None and found["precision"] != "float32"
    times = ", ".join(f"{name} {ms:g}" for name, ms in found["ms"].items())
    remedy = "; --precision float32 keeps full precision" if lowered else ""
    report = say if lowered else say_on_terminal
    report(f"{path.name} runs on {found['engine']} in {found['precision']} (ms a run: {times}){remedy}")
