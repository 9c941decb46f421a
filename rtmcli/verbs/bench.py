"""`rtm bench`: how fast the networks are, on every engine that is here."""

from typing import Annotated

import typer

from rtmcli.bench.clock import RUNS, WARMUP


def main(
    models: Annotated[
        str, typer.Option(metavar="NAMES", help="Models to measure, by name or file, with commas between.")
    ] = "rtmdet-nano,rtmpose-t",
    engines: Annotated[
        str, typer.Option(metavar="NAMES", help="Engines, with commas between.")
    ] = "onnxruntime",
    precisions: Annotated[str, typer.Option(metavar="NAMES", help="float32, float16, bfloat16.")] = "float32",
    threads: Annotated[str, typer.Option(metavar="NUMBERS", help="Threads of one run.")] = "1",
    batch: Annotated[str, typer.Option(metavar="NUMBERS", help="Pictures or crops in one run.")] = "1",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...")] = "cpu",
    warmup: Annotated[int, typer.Option(min=0, help="Runs that do not count.")] = WARMUP,
    runs: Annotated[int, typer.Option(min=1, help="Runs that count.")] = RUNS,
) -> None:
    """Measure networks by the papers' protocol: batch 1, 50 runs to warm up, 200 that count.

    All combinations are measured, each in a process of its own. A terminal gets a table, a pipe JSON lines; the first
    of them says what machine it was and how loaded.

    Example:

      rtm bench --models rtmpose-t --engines onnxruntime,openvino --precisions float32,bfloat16
    """
    import json
    import sys

    from rtmcli.bench.machine import machine
    from rtmcli.bench.networks import bench_networks, settings
    from rtmcli.bench.table import show

    facts = machine()
    rows = settings(
        _words(models), _words(engines), _words(precisions), _numbers(threads, "--threads"), _numbers(batch, "--batch"),
        device=device, warmup=warmup, runs=runs,
    )  # fmt: skip
    if not sys.stdout.isatty():
        print(json.dumps({"machine": facts}), flush=True)
    columns = [
        ("model", "model"), ("engine", "engine"), ("precision", "precision"), ("threads", "threads"),
        ("batch", "batch"), ("mean ms", "ms.mean"), ("p50", "ms.p50"), ("p95", "ms.p95"), ("p99", "ms.p99"),
        ("per s", "fps"), ("MB", "memory_mb"),
    ]  # fmt: skip
    show(bench_networks(rows), columns, f"{facts['cpu']}, {facts['cpus']} CPUs, load {facts['load']}")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(text: str, flag: str) -> list[int]:
    from rtmcli.errors import UsageError

    words = _words(text)
    if not words or not all(word.isdigit() and int(word) > 0 for word in words):
        raise UsageError(f"{flag} {text!r} is not a list of numbers above 0; write for example {flag} 1,2")
    return [int(word) for word in words]
