"""OpenVINO's lanes: calls side by side, single pictures and batches, all give the same numbers."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import numpy as np
import pytest

from rtmcli.engines import open_engine, openvino
from rtmcli.engines.infer_request_pool import FEW, MOST_SHAPES, Lanes


class Model:
    """What `Lanes` asks of a model that was read."""

    def __init__(self) -> None:
        self.shapes: dict[str, list[int]] = {}

    def is_dynamic(self) -> bool:
        return True

    def clone(self) -> "Model":
        return Model()

    def reshape(self, shapes: dict[str, list[int]]) -> None:
        self.shapes = shapes


class Compiled:
    """A network that remembers what it was compiled for."""

    def __init__(self, model: Model) -> None:
        self.shapes = model.shapes

    def create_infer_request(self) -> "Compiled":
        return self


@pytest.mark.parametrize("most_weights", [openvino.MOST_WEIGHTS, 0], ids=["own weights", "shared weights"])
def test_calls_from_many_threads_and_of_many_shapes_get_their_own_answers(
    open_size: Path, monkeypatch: pytest.MonkeyPatch, most_weights: int
) -> None:
    monkeypatch.setattr(openvino, "MOST_WEIGHTS", most_weights)
    monkeypatch.setattr(openvino, "available_cpus", lambda: 4)
    engine = open_engine(open_size, engine="openvino", threads=1)
    rng = np.random.default_rng(0)
    inputs = [
        rng.normal(size=(n, 2, h)).astype(np.float32) for n in (1, 2, 1, 3) for h in (3, 4, 5, 6, 7, 8)
    ] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda x: engine({"x": x})["y"], inputs))
    for x, y in zip(inputs, found, strict=True):
        np.testing.assert_allclose(y, x * x + x, rtol=1e-5, atol=1e-6)


def test_no_more_calls_run_side_by_side_than_there_are_lanes() -> None:
    lanes = Lanes(Model(), Compiled, most=2, shared=False)
    inside, leave = Barrier(3), Event()

    def hold() -> Any:
        with lanes.free() as lane:
            inside.wait(10)
            leave.wait(10)
            return lane

    with ThreadPoolExecutor(3) as pool:
        held = [pool.submit(hold) for _ in range(2)]
        inside.wait(10)
        third = pool.submit(lambda: lanes.free().__enter__())
        assert not third.done()
        leave.set()
        assert len({id(one.result(10)) for one in held}) == 2
        assert third.result(10) in [one.result() for one in held]


def test_few_pictures_get_networks_of_fixed_shape_and_larger_batches_one_that_is_open() -> None:
    lanes = Lanes(Model(), Compiled, most=1, shared=False)
    with lanes.free() as lane:
        assert lane.request((("x", (1, 3, 8)),)).shapes == {"x": [1, 3, 8]}
        assert lane.request((("x", (FEW, 3, 8)),)).shapes == {"x": [FEW, 3, 8]}
        assert lane.request((("x", (FEW + 1, 3, 8)),)) is lane.request((("x", (FEW + 2, 3, 8)),))
        assert lane.request((("x", (FEW + 1, 3, 8)),)).shapes == {}
        fixed = [lane.request((("x", (1, 3, size)),)).shapes for size in range(10, 20)]
    assert fixed.count({}) == 10 - (MOST_SHAPES - 3)  # two before, and the open one


def test_lanes_that_share_run_one_compilation() -> None:
    own, shared = (Lanes(Model(), Compiled, most=2, shared=shared) for shared in (False, True))
    for lanes, alike in ((own, False), (shared, True)):
        with lanes.free() as a, lanes.free() as b:
            assert a is not b
            assert (a.request((("x", (1, 3)),)) is b.request((("x", (1, 3)),))) is alike
