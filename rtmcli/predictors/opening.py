"""Opening a model for a predictor: the file, the engine, the card, and that they fit the task."""

from pathlib import Path
from typing import Any

from rtmcli.engines import open_engine
from rtmcli.engines.base import Arrays, Engine, non_finite
from rtmcli.errors import RtmError, UsageError
from rtmcli.zoo.card import Card, Task
from rtmcli.zoo.guess import guess_card
from rtmcli.zoo.resolve import find_model

FLAGS = {"detector": "--detector", "topdown": "--model", "onestage": "--model"}


def open_for(
    task: Task,
    model: str | Path,
    *,
    engine: str,
    device: str,
    precision: str,
    threads: int | None,
    **given: Any,
) -> tuple[Engine, Card]:
    """The engine and the card of a model that does `task`.

    `given` is what a person says about a file without a card: size, skeleton, family (`zoo.guess.guess_card`).
    Raises what `find_model`, `open_engine` and `guess_card` raise, and UsageError for a model of another task.
    """
    path = find_model(model)
    opened = open_engine(path, engine=engine, device=device, precision=precision, threads=threads)
    card = opened.card or guess_card(path, opened.inputs, opened.outputs, **given)
    if card.task != task:
        raise UsageError(f"{model} is a {card.task} model; {FLAGS[task]} takes a {task} model here")
    return opened, card


def run_checked(engine: Engine, feeds: Arrays, names: list[str] | None, card: Card) -> Arrays:
    """The outputs, all finite. Raises RtmError where a network gives NaN or infinity, which JSON cannot hold."""
    outputs = engine(feeds, names)
    if bad := non_finite(outputs):
        raise RtmError(f"{card.name} gave a value that is not a number in {bad}; use --precision float32")
    return outputs
