"""Networks alone: every model on every engine, precision, number of threads and batch, each in its own process.

In a process of its own each row has its own peak memory, and no thread pools of earlier rows exist.
"""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from rtmcli.bench.machine import peak_memory
from rtmcli.bench.timing import RUNS, WARMUP, measure
from rtmcli.engines.base import Arrays, Engine
from rtmcli.errors import MissingError, RtmError, UsageError
from rtmcli.inference.open_model import open_model
from rtmcli.zoo.card import Card
from rtmcli.zoo.resolve import find_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table to measure."""

    model: str
    engine: str = "onnxruntime"
    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    batch: int = 1
    warmup: int = WARMUP
    runs: int = RUNS


def settings(
    models: Sequence[str],
    engines: Sequence[str],
    precisions: Sequence[str],
    threads: Sequence[int],
    batches: Sequence[int],
    *,
    device: str = "cpu",
    warmup: int = WARMUP,
    runs: int = RUNS,
) -> list[Setting]:
    """All combinations, a model's rows together."""
    return [
        Setting(
            model=model,
            engine=engine,
            device=device,
            precision=precision,
            threads=count,
            batch=batch,
            warmup=warmup,
            runs=runs,
        )
        for model, engine, precision, count, batch in product(models, engines, precisions, threads, batches)
    ]


def bench_networks(rows: Sequence[Setting]) -> Iterator[dict[str, Any]]:
    """Measure the rows one after another.

    Yields:
        The setting with `ms` (mean, p50, p95, p99), `fps` (images a second at the median) and `memory_mb`; where
        an engine does not support the setting, the setting with `error`. An error that concerns every row, such as
        a model that does not exist, is raised.
    """
    for row in rows:
        find_model(row.model)
        try:
            yield _in_a_process(row)
        except (MissingError, UsageError) as error:
            yield {**asdict(row), "error": str(error)}
        except EOFError:
            yield {
                **asdict(row),
                "error": "the process ended, probably because memory ran out",
            }


def _in_a_process(row: Setting) -> dict[str, Any]:
    """`bench_network` in a new process. Raises what it raises, and EOFError where the process ends without a result."""
    # A pipe needs no shared memory, which a pool of processes does: some containers have no /dev/shm.
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_result, args=(sender, row))
    # Ctrl-C is for this process alone, which then ends the other.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, handler)
    sender.close()
    try:
        result: dict[str, Any] | Exception = receiver.recv()
    finally:
        receiver.close()
        process.terminate()
        process.join()
    if isinstance(result, Exception):
        raise result
    return result


def _send_result(sender: Connection, row: Setting) -> None:
    try:
        sender.send(bench_network(row))
    except Exception as error:
        sender.send(error)


def bench_network(row: Setting) -> dict[str, Any]:
    """Measure one row in this process."""
    model = open_model(
        row.model, engine=row.engine, device=row.device, precision=row.precision, threads=row.threads
    )
    engine, card = model.engine, model.card
    feeds = example(engine, card, row.batch)
    timing = measure(lambda: engine(feeds), warmup=row.warmup, runs=row.runs)
    laps = asdict(timing)
    runs = laps.pop("runs")
    return {
        **asdict(row),
        "name": card.name,
        "input": f"{card.height}x{card.width}",
        **engine.facts(),
        "runs": runs,
        "ms": laps,
        "fps": 1000 * row.batch / timing.p50,
        "memory_mb": round(peak_memory(), 1),
    }


def example(engine: Engine, card: Card, batch: int) -> Arrays:
    """Noise in the form of the file's input. Raises RtmError where the file has another fixed batch."""
    port = engine.inputs[0]
    if port.shape[0] not in (None, batch):
        raise RtmError(f"{card.name} has a fixed batch of {port.shape[0]}; leave --batch {batch} out")
    noise = np.random.default_rng(0)
    if port.dtype == "uint8":
        return {port.name: noise.integers(0, 256, (batch, card.height, card.width, 3), np.uint8)}
    return {port.name: noise.standard_normal((batch, 3, card.height, card.width), np.float32)}
