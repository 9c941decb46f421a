"""OpenVINO's request pool: concurrent calls, single images and batches all give the same numbers."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import numpy as np
import pytest

from rtmcli.engines import open_engine, openvino
from rtmcli.engines.infer_request_pool import MAX_FIXED_BATCH, MAX_FIXED_SHAPES, InferRequestPool


class Model:
    """What `InferRequestPool` asks of a model that was read."""

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


@pytest.mark.parametrize("max_weights", [openvino.MAX_WEIGHTS, 0], ids=["own weights", "shared weights"])
def test_calls_from_many_threads_and_of_many_shapes_get_their_own_answers(
    open_size: Path, monkeypatch: pytest.MonkeyPatch, max_weights: int
) -> None:
    monkeypatch.setattr(openvino, "MAX_WEIGHTS", max_weights)
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


def test_no_more_calls_run_at_once_than_there_are_slots() -> None:
    pool = InferRequestPool(Model(), Compiled, size=2, shared=False)
    inside, leave = Barrier(3), Event()

    def hold() -> Any:
        with pool.free_slot() as slot:
            inside.wait(10)
            leave.wait(10)
            return slot

    with ThreadPoolExecutor(3) as threads:
        held = [threads.submit(hold) for _ in range(2)]
        inside.wait(10)
        third = threads.submit(lambda: pool.free_slot().__enter__())
        assert not third.done()
        leave.set()
        assert len({id(one.result(10)) for one in held}) == 2
        assert third.result(10) in [one.result() for one in held]


def test_small_batches_get_networks_of_fixed_shape_and_larger_ones_share_a_dynamic_one() -> None:
    pool = InferRequestPool(Model(), Compiled, size=1, shared=False)
    with pool.free_slot() as slot:
        assert slot.request((("x", (1, 3, 8)),)).shapes == {"x": [1, 3, 8]}
        assert slot.request((("x", (MAX_FIXED_BATCH, 3, 8)),)).shapes == {"x": [MAX_FIXED_BATCH, 3, 8]}
        assert slot.request((("x", (MAX_FIXED_BATCH + 1, 3, 8)),)) is slot.request(
            (("x", (MAX_FIXED_BATCH + 2, 3, 8)),)
        )
        assert slot.request((("x", (MAX_FIXED_BATCH + 1, 3, 8)),)).shapes == {}
        fixed = [slot.request((("x", (1, 3, size)),)).shapes for size in range(10, 20)]
    assert fixed.count({}) == 10 - (MAX_FIXED_SHAPES - 3)  # two before, and the dynamic one


def test_shared_slots_run_one_compilation() -> None:
    own, shared = (InferRequestPool(Model(), Compiled, size=2, shared=shared) for shared in (False, True))
    for pool, alike in ((own, False), (shared, True)):
        with pool.free_slot() as a, pool.free_slot() as b:
            assert a is not b
            assert (a.request((("x", (1, 3)),)) is b.request((("x", (1, 3)),))) is alike
