"""Opening a model for a predictor: the file, the engine, the card, and that they fit the task."""

from dataclasses import dataclass
from pathlib import Path

from rtmcli.engines import open_engine
from rtmcli.engines.base import Arrays, Engine, non_finite
from rtmcli.errors import RtmError, UsageError
from rtmcli.zoo.card import Card, Task
from rtmcli.zoo.infer_card import guess_card
from rtmcli.zoo.resolve import find_model


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model that is ready: predictors take one in place of a name, and may share it."""

    engine: Engine
    card: Card


def open_model(
    model: str | Path,
    *,
    engine: str = "onnxruntime",
    device: str = "cpu",
    precision: str | None = None,
    threads: int | None = None,
    size: tuple[int, int] | None = None,
    skeleton: str | None = None,
    family: str | None = None,
) -> OpenModel:
    """Open a model by name or file.

    Args:
        engine, device, precision, threads: as for `rtmcli.engines.open_engine`.
        size, skeleton, family: what a file without a card does not say (`rtmcli.zoo.infer_card.guess_card`).

    Raises what `find_model`, `open_engine` and `guess_card` raise.
    """
    path = find_model(model, checkpoint=engine == "torch")
    opened = open_engine(path, engine=engine, device=device, precision=precision, threads=threads)
    card = opened.card or guess_card(
        path, opened.inputs, opened.outputs, size=size, skeleton=skeleton, family=family
    )
    return OpenModel(opened, card)


def check_task(model: OpenModel, task: Task) -> OpenModel:
    """The model itself. Raises UsageError where it does something else than `task`."""
    if model.card.task != task:
        words = {"detector": "finds boxes", "topdown": "poses boxes", "onestage": "finds poses without boxes"}
        raise UsageError(
            f"{model.card.name} {words[model.card.task]}; what is wanted here is a model that {words[task]}; "
            "'rtm models' lists them"
        )
    return model


def run_checked(engine: Engine, feeds: Arrays, names: list[str] | None, card: Card) -> Arrays:
    """The outputs, all finite. Raises RtmError where a network gives NaN or infinity, which JSON cannot hold."""
    outputs = engine(feeds, names)
    if bad := non_finite(outputs):
        raise RtmError(f"{card.name} gave a value that is not a number in {bad}; use --precision float32")
    return outputs
