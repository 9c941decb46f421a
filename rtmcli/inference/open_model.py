"""Opening a model for a predictor: the file, the engine, the card, and that they fit the task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rtmcli.engines import open_engine
from rtmcli.engines.base import Arrays, Engine, Port, non_finite
from rtmcli.errors import RtmError, UsageError
from rtmcli.inference.adapted_engine import adapt
from rtmcli.inference.yolox_rows import YoloxRows, has_yolox_rows
from rtmcli.zoo.card import Card, Task, refuse_overrides
from rtmcli.zoo.infer_card import infer_card, name_classes
from rtmcli.zoo.resolve import find_model

STRIDE = 32  # of the coarsest maps of every network here
_DOES = {
    "detector": "a detector",
    "topdown": "a top-down pose model",
    "onestage": "a one-stage pose model",
}


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model that is ready to run. Predictors take one in place of a name, and may share it.

    Example:
        from rtmcli import TopDown, open_model

        model = open_model("rtmpose-t")
        plain, flipped = TopDown(model), TopDown(model, flip_test=True)
    """

    engine: Engine
    card: Card


def open_model(
    model: str | Path | OpenModel,
    *,
    task: Task | None = None,
    engine: str = "onnxruntime",
    device: str = "cpu",
    precision: str | None = None,
    threads: int | None = None,
    size: tuple[int, int] | None = None,
    skeleton: str | None = None,
    family: str | None = None,
    classes: Sequence[str] | None = None,
) -> OpenModel:
    """Open a model by name or file. One that is open already is returned as it is, after the check of its task.

    Args:
        task: what the model must do; None accepts any.
        engine, device, precision, threads: as for `rtmcli.engines.open_engine`.
        size: (width, height) of the network's input, for a file that accepts any, or that does not say its own.
        skeleton, family: what a file without a card does not say (`rtmcli.zoo.infer_card.infer_card`).
        classes: names of a detector's classes, in the order of its labels, for a file that does not say its own.

    Raises:
        UsageError: the model does something else than `task`; a property of the file stays unknown, or is given
            although the file says it.
        DataError: the file takes no images, or its outputs are of no model known here.
        Errors of `find_model` and `open_engine`.

    Example:
        from rtmcli import open_model

        model = open_model("rtmpose-t", task="topdown", threads=1)
        print(model.card.skeleton, model.engine.facts())
    """
    if not isinstance(model, OpenModel):
        path = find_model(model, checkpoint=engine == "torch")
        opened = open_engine(path, engine=engine, device=device, precision=precision, threads=threads)
        if opened.card is None:
            card = infer_card(
                path,
                opened.inputs,
                opened.outputs,
                size=size,
                skeleton=skeleton,
                family=family,
                classes=classes,
            )
        else:
            refuse_overrides(opened.card, skeleton=skeleton, family=family)
            card = at_size(opened.card, opened.inputs[0], size)
            card = replace(card, classes=name_classes(classes, len(card.classes), card.name) or card.classes)
        if card.contract == "plain":
            opened = adapt(opened, path)
        if has_yolox_rows(opened, card):
            opened = YoloxRows(opened, card)
        model = OpenModel(opened, card)
    if task is not None and model.card.task != task:
        raise UsageError(
            f"{model.card.name} is {_DOES[model.card.task]}, but {_DOES[task]} is needed here; "
            "'rtm models' lists the models of each kind"
        )
    return model


def at_size(card: Card, port: Port, size: tuple[int, int] | None) -> Card:
    """The card with the input size that is asked for.

    Raises UsageError where the file (its input `port`) has another size that is fixed, or `size` does not fit the
    network's strides.
    """
    if size is None or size == (card.width, card.height):
        return card
    sides = port.shape[1:3] if card.contract == "deploy" else port.shape[2:4]
    width, height = size
    if any(side is not None for side in sides):
        flag = "--det-size" if card.task == "detector" else "--size"
        raise UsageError(
            f"{card.name} takes images of {card.width}x{card.height}, not of {width}x{height}; leave {flag} out"
        )
    if width % STRIDE or height % STRIDE or min(size) < 2 * STRIDE:
        raise UsageError(
            f"{card.name} takes sizes that are multiples of {STRIDE}, from {2 * STRIDE} on; {width}x{height} is not"
        )
    return replace(card, width=width, height=height)


def run_checked(engine: Engine, feeds: Arrays, names: list[str] | None, card: Card) -> Arrays:
    """The outputs, all finite. Raises RtmError where a network gives NaN or infinity, which JSON cannot hold."""
    outputs = engine(feeds, names)
    if bad := non_finite(outputs):
        raise RtmError(f"{card.name} gave NaN or infinity in its output {bad}; use --precision float32")
    return outputs
