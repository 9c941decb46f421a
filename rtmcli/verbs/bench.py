"""`rtm bench`: speed of networks on the installed engines, and of the pipelines that use them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rtmcli.bench.timing import RUNS, WARMUP
from rtmcli.cli.command import Given
from rtmcli.cli.option_values import words
from rtmcli.errors import UsageError
from rtmcli.terminal.error_report import did_you_mean


def main(
    given: Given,
    models: Annotated[
        str, typer.Option(metavar="NAMES", help="Models to measure, by name or file, with commas between.")
    ] = "rtmdet-nano,rtmpose-t",
    engines: Annotated[
        str, typer.Option(metavar="NAMES", help="Engines, with commas between.")
    ] = "onnxruntime",
    precisions: Annotated[str, typer.Option(metavar="NAMES", help="float32, float16, bfloat16.")] = "float32",
    threads: Annotated[str, typer.Option(metavar="NUMBERS", help="Threads of one run.")] = "1",
    batch: Annotated[str, typer.Option(metavar="NUMBERS", help="Images or crops in one run.")] = "1",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...")] = "cpu",
    warmup: Annotated[int, typer.Option(min=0, help="Warm-up runs, which are not counted.")] = WARMUP,
    runs: Annotated[
        int | None, typer.Option(min=1, help=f"Counted runs ({RUNS}; with --people 20 rounds).")
    ] = None,
    pipeline: Annotated[
        str | None,
        typer.Option(
            metavar="VIDEO", help="Time every stage of the pipeline on a clip; --models is DETECTOR,POSE."
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames of the clip of --pipeline.")] = 100,
    people: Annotated[
        str | None,
        typer.Option(metavar="RANGE", help="Time by the number of people: 1..20, or 1,5,20."),
    ] = None,
    onestage: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="The one-stage model of --people (RTMO-s, random weights)."),
    ] = None,
    plot: Annotated[str | None, typer.Option(metavar="PNG", help="Also plot the result of --people.")] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Also print the papers' values, from other machines.")
    ] = False,
) -> None:
    """Measure networks by the papers' protocol: batch 1, 50 warm-up runs, 200 counted runs.

    All combinations are measured, each in its own process. Output is a table on a terminal, else JSON lines, of which
    the first describes the machine and its load. --pipeline measures a clip from file to records instead, --people an
    image with increasing numbers of people, top-down and one-stage.

    Example:

      rtm bench --models rtmpose-t --engines onnxruntime,openvino --precisions float32,bfloat16
      rtm bench --people 1..20 --plot cost.png
    """
    import json
    import sys

    from rtmcli.bench.machine import machine
    from rtmcli.engines.base import PRECISIONS
    from rtmcli.engines.runtimes import ENGINES

    _check(given, pipeline=pipeline, people=people)
    _check_names(engines, (*ENGINES, "auto"), "--engines")
    _check_names(precisions, PRECISIONS, "--precisions")
    counts = _range(people) if people is not None else []
    facts = machine()
    title = f"{facts['cpu']}, {facts['cpus']} CPUs, load {facts['load']}"
    if not sys.stdout.isatty():
        print(json.dumps({"machine": facts}), flush=True)
    options: dict[str, Any] = {"device": device}
    if pipeline is not None or people is not None:
        options |= {
            "engine": _one(engines, "--engines"),
            "precision": _one(precisions, "--precisions"),
            "threads": _numbers(_one(threads, "--threads"), "--threads")[0],
        }
    if pipeline is not None:
        _pipeline(pipeline, _pair(models), frames, title, options)
    elif people is not None:
        _people(counts, _pair(models), onestage, plot, runs, title, options)
    else:
        from rtmcli.bench.networks import settings

        rows = settings(
            words(models), words(engines), words(precisions), _numbers(threads, "--threads"),
            _numbers(batch, "--batch"), device=device, warmup=warmup, runs=runs or RUNS,
        )  # fmt: skip
        _networks(rows, title, published=published)
    if published:
        _published()


def _networks(rows: Any, title: str, *, published: bool) -> None:
    from rtmcli.bench.networks import bench_networks
    from rtmcli.bench.published import beside
    from rtmcli.bench.table import show

    columns = [
        ("model", "model"), ("engine", "engine"), ("precision", "precision"), ("threads", "threads"),
        ("batch", "batch"), ("mean ms", "ms.mean"), ("p50", "ms.p50"), ("p95", "ms.p95"), ("p99", "ms.p99"),
        ("per s", "fps"), ("MB", "memory_mb"),
    ]  # fmt: skip
    show((beside(row) if published else row for row in bench_networks(rows)), columns, title)


def _pipeline(video: str, pair: tuple[str, str], frames: int, title: str, options: dict[str, Any]) -> None:
    import sys

    from rtmcli.bench.clip import bench_clip, parts
    from rtmcli.bench.table import show
    from rtmcli.cpus import available_cpus

    jobs = max(2, available_cpus())
    rows: Any = bench_clip(video, detector=pair[0], model=pair[1], frames=frames, jobs=jobs, **options)
    if sys.stdout.isatty():
        rows = parts(list(rows))
    show(rows, [("what", "what"), ("part", "part"), ("value", "value")], title)


def _people(
    counts: list[int], pair: tuple[str, str], onestage: str | None, plot: str | None, rounds: int | None,
    title: str, options: dict[str, Any],
) -> None:  # fmt: skip
    from tempfile import TemporaryDirectory

    from rtmcli.bench.people import ROUNDS, bench_people, plot_people
    from rtmcli.bench.table import show

    with TemporaryDirectory() as folder:
        if onestage is None:
            from rtmcli.export.untrained import untrained_model

            onestage = str(untrained_model("rtmo-s-coco17-640x640", Path(folder)))
        rows = bench_people(
            counts, detector=pair[0], model=pair[1], onestage=onestage, rounds=rounds or ROUNDS, **options
        )
    columns = [
        ("way", "way"),
        ("people", "people"),
        ("ms", "ms"),
        ("CPU ms", "cpu ms"),
        ("over one", "over one"),
    ]
    show(rows, columns, title)
    if plot is not None:
        plot_people(rows, Path(plot), title)


def _published() -> None:
    from rtmcli.bench.published import MACHINES, NOTE, published_rows
    from rtmcli.bench.table import show

    columns = [("model", "published"), *((words, f"ms.{key}") for key, words in MACHINES.items())]
    show(published_rows(), columns, f"ms, {NOTE}")


def _check(given: Given, *, pipeline: str | None, people: str | None) -> None:
    """Raise UsageError for options that do not go together or have no effect."""
    if pipeline is not None and people is not None:
        raise UsageError("--pipeline and --people are different measurements; give one of them")
    if people is None:
        given.reject(("onestage", "plot"), "without --people", "give --people 1..20 too")
    if pipeline is None:
        given.reject(("frames",), "without --pipeline", "give --pipeline VIDEO too")
    else:
        given.reject(("runs",), "with --pipeline, which runs a clip once", "give --frames N instead")
    if pipeline is not None or people is not None:
        given.reject(("batch", "warmup"), "with --pipeline and --people")


def _check_names(text: str, known: Sequence[str], flag: str) -> None:
    """Raise UsageError where a name is not known."""
    for name in words(text):
        if name not in known:
            raise UsageError(
                f"{flag}: unknown {name!r}{did_you_mean(name, known)} expected some of {', '.join(known)}"
            )


def _numbers(text: str, flag: str) -> list[int]:
    given = words(text)
    if not given or not all(word.isdecimal() and int(word) > 0 for word in given):
        raise UsageError(
            f"{flag} {text!r}: expected numbers above 0 with commas between, for example {flag} 1,2"
        )
    return [int(word) for word in given]


def _one(text: str, flag: str) -> str:
    given = words(text)
    if len(given) != 1:
        raise UsageError(
            f"{flag} {text!r}: --pipeline and --people measure one setting at a time; give one value"
        )
    return given[0]


def _pair(text: str) -> tuple[str, str]:
    given = words(text)
    if len(given) != 2:
        raise UsageError(f"--models {text!r}: expected a detector and a pose model, --models DETECTOR,POSE")
    return given[0], given[1]


def _range(text: str) -> list[int]:
    """`1..20` or `1,5,20`."""
    first, dots, last = text.partition("..")
    if not dots:
        return sorted(set(_numbers(text, "--people")))
    if not (first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last)):
        raise UsageError(f"--people {text!r}: expected a range, for example --people 1..20")
    return list(range(int(first), int(last) + 1))
