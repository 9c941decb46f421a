"""Time by the number of people: of a top-down pair, which grows with each, and of a one-stage network (RTMO, figure 3).

The number of people is set, not detected. The top-down pair gets that many boxes; of the one-stage network's cells that
many with the best scores are kept, without suppression.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from rtmcli.arrays import Float32Array, Image
from rtmcli.bench.timing import Lap, lap
from rtmcli.engines.base import Arrays, Engine
from rtmcli.errors import MissingError, RtmError
from rtmcli.inference.detector import Detector
from rtmcli.inference.onestage import OneStage
from rtmcli.inference.open_model import OpenModel, open_model
from rtmcli.inference.topdown import TopDown
from rtmcli.media import open_media
from rtmcli.records.frame import Instance

ROUNDS = 20
THRESHOLD = "score_threshold"  # the input that replaces the score threshold inside a one-stage file


def bench_people(
    counts: Sequence[int],
    *,
    detector: str,
    model: str,
    onestage: str,
    picture: str = "demo",
    rounds: int = ROUNDS,
    **options: Any,
) -> list[dict[str, Any]]:
    """Time both ways for each number of people, in `rounds` rounds of all of them in random order.

    Args:
        counts: numbers of people.
        detector, model, onestage: names or files; the one-stage file must be ONNX.
        picture: any source; its first frame is used.
        options: engine, device, precision, threads, as for `open_engine`.

    Returns:
        for each number and way: median milliseconds of wall clock and of CPU, and `over one`, the median over rounds
        of their ratio to the smallest number's.
    """
    with open_media(picture, max_frames=1) as media, closing(iter(media)) as pictures:
        image = next(iter(pictures)).image
    calls = _topdown(image, counts, detector, model, options) | _onestage(image, counts, onestage, options)
    for call in calls.values():
        call()
    laps: dict[tuple[str, int], list[Lap]] = {key: [] for key in calls}
    order, shuffle = list(calls), random.Random(0)
    for _ in range(rounds):
        shuffle.shuffle(order)
        for key in order:
            laps[key].append(lap(calls[key]))
    return [_row(way, count, laps[way, count], laps[way, min(counts)]) for way, count in calls]


def _row(way: str, count: int, laps: list[Lap], fewest: list[Lap]) -> dict[str, Any]:
    pairs = list(zip(laps, fewest, strict=True))
    return {
        "way": way,
        "people": count,
        "ms": 1000 * median(one.wall for one in laps),
        "cpu ms": 1000 * median(one.cpu for one in laps),
        "over one": median(one.wall / first.wall for one, first in pairs),
        "cpu over one": median(one.cpu / first.cpu for one, first in pairs),
        "rounds": len(laps),
    }


def _topdown(
    image: Image, counts: Sequence[int], detector: str, model: str, options: dict[str, Any]
) -> dict[tuple[str, int], Callable[[], object]]:
    find, pose = Detector(detector, **options), TopDown(model, **options)
    height, width = image.shape[:2]
    corners = np.random.default_rng(0).random((max(counts), 2))
    size = np.array([0.2, 0.5])
    boxes = np.concatenate(
        [corners * (1 - size), corners * (1 - size) + size], axis=1
    )  # (N, 4), shares of the image
    pixels = (boxes * np.array([width, height] * 2)).astype(np.float32)
    people = [Instance(box=box) for box in pixels]

    def call(count: int) -> Callable[[], object]:
        return lambda: (find([image]), pose([image], [people[:count]]))

    return {("top-down", count): call(count) for count in counts}


def _onestage(
    image: Image, counts: Sequence[int], model: str, options: dict[str, Any]
) -> dict[tuple[str, int], Callable[[], object]]:
    from tempfile import TemporaryDirectory

    from rtmcli.zoo.resolve import find_model

    with TemporaryDirectory() as folder:
        opened = open_model(_open_threshold(find_model(model), Path(folder)), **options)
    engine = ThresholdEngine(opened.engine)
    poses = OneStage(OpenModel(engine, opened.card), score_threshold=-1.0)
    scores: Float32Array = np.array([person.score for person in poses([image])[0]], np.float32)  # falling
    calls = {}
    for count in counts:
        if count >= len(scores):
            raise RtmError(f"{opened.card.name} finds at most {len(scores) - 1} people; leave {count} out")
        threshold = (scores[count - 1] + scores[count]) / 2
        engine.threshold = float(threshold)
        if (found := len(poses([image])[0])) not in (count, count + 1):  # one row may pad
            raise RtmError(f"{opened.card.name}: expected {count} people, got {found}")
        calls["one-stage", count] = _limited(engine, poses, image, float(threshold))
    return calls


def _limited(
    engine: "ThresholdEngine", poses: OneStage, image: Image, threshold: float
) -> Callable[[], object]:
    def call() -> object:
        engine.threshold = threshold
        return poses([image])

    return call


class ThresholdEngine:
    """An engine whose file has the score threshold as an input, and provides it."""

    def __init__(self, engine: Engine) -> None:
        self.card, self.facts, self.outputs = engine.card, engine.facts, engine.outputs
        self.inputs = [port for port in engine.inputs if port.name != THRESHOLD]
        self._engine, self.threshold = engine, 0.0

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        return self._engine({**feeds, THRESHOLD: np.array([self.threshold], np.float32)}, names)


def _open_threshold(path: Path, folder: Path) -> Path:
    """A copy of a one-stage file that has its score threshold as an input and suppresses nothing."""
    try:
        import onnx
    except ImportError:
        raise MissingError(
            "the package onnx is not installed, which --people needs; pip install 'rtmcli[export]'"
        ) from None
    graph = onnx.load(str(path))
    nodes = [node for node in graph.graph.node if node.op_type == "NonMaxSuppression"]
    if len(nodes) != 1 or len(nodes[0].input) < 5:
        raise RtmError(
            f"{path}: it has no single NonMaxSuppression node, so the number of people cannot be set"
        )
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(1, np.float32), "keep_all"))
    graph.graph.input.append(onnx.helper.make_tensor_value_info(THRESHOLD, onnx.TensorProto.FLOAT, [1]))
    nodes[0].input[3], nodes[0].input[4] = "keep_all", THRESHOLD
    copy = folder / path.name
    onnx.save(graph, str(copy))
    return copy


def plot_people(rows: Sequence[dict[str, Any]], path: Path, title: str) -> None:
    """Plot milliseconds by the number of people, a line for each way, to an image file."""
    from rtmcli.plot_style import BLUE, ORANGE, figure_of, label, save

    figure, ((panel,),) = figure_of(1, height=4.2)
    for way, color in (("top-down", ORANGE), ("one-stage", BLUE)):
        own = sorted((row["people"], row["ms"]) for row in rows if row["way"] == way)
        panel.plot(*zip(*own, strict=True), color=color, marker="o", markersize=4, label=way)
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.set_ylim(bottom=0)
    label(panel, x="people in the image", y="ms per image", legend=True)
    save(figure, path, title)
