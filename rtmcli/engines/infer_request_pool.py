"""OpenVINO infer requests for concurrent calls, compiled on demand for the shapes of their inputs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Shapes = tuple[tuple[str, tuple[int, ...]], ...]  # each input's name and shape

# Batches up to this size get a network of fixed shape; larger ones are rare and exceed the caches of a CPU.
MAX_FIXED_BATCH = 4
MAX_FIXED_SHAPES = 4  # for each slot


class InferRequestPool:
    """Slots for concurrent calls; each call holds one slot while it runs.

    With a compilation of its own each slot is a stream of its own, which computes in the calling thread. Streams of one
    shared compilation pass every run to a thread of the runtime and back, during which CPUs are idle. Large networks
    are shared nevertheless, so that their weights are in memory once.

    Args:
        model: the model as the runtime read it.
        compile_model: compiles the model, or a copy of it with other shapes.
        size: number of slots; a further call waits.
        shared: whether all slots run one compilation.
    """

    def __init__(self, model: Any, compile_model: Callable[[Any], Any], *, size: int, shared: bool) -> None:
        self._model, self._compile_model, self._size, self._shared = model, compile_model, size, shared
        self._compiled: dict[Shapes | None, Any] = {}  # of shared slots
        self._compiling = threading.Lock()
        self._free = [Slot(self)]
        self._count = 1
        self._returned = threading.Condition()

    @contextmanager
    def free_slot(self) -> Iterator["Slot"]:
        """The free slot that was used last, or a new one."""
        with self._returned:
            while not self._free and self._count == self._size:
                self._returned.wait()
            if self._free:
                slot = self._free.pop()
            else:
                slot = Slot(self)
                self._count += 1
        try:
            yield slot
        finally:
            with self._returned:
                self._free.append(slot)
                self._returned.notify()

    def network(self, shapes: Shapes | None) -> Any:
        """The model compiled for inputs of these shapes; None: with the dynamic shapes of the file."""
        if not self._shared:
            return self._compile(shapes)
        with self._compiling:
            if shapes not in self._compiled:
                self._compiled[shapes] = self._compile(shapes)
            return self._compiled[shapes]

    def _compile(self, shapes: Shapes | None) -> Any:
        model = self._model
        if shapes is not None and model.is_dynamic():
            model = model.clone()
            model.reshape({name: list(shape) for name, shape in shapes})
        return self._compile_model(model)


class Slot:
    """The infer requests of one call at a time."""

    def __init__(self, pool: InferRequestPool) -> None:
        self._pool = pool
        self._requests: dict[Shapes | None, Any] = {}

    def request(self, shapes: Shapes) -> Any:
        """A request for inputs of these shapes.

        Small batches, the usual case, get a network of fixed shape, which takes a seventh less time for RTMDet-nano and
        a fifth less for RTMPose-t. Larger batches share one of dynamic shape, because they come in many sizes.
        """
        small = all(shape[0] <= MAX_FIXED_BATCH for _, shape in shapes)
        known = shapes in self._requests or len(self._requests) < MAX_FIXED_SHAPES
        return self.request_for(shapes if small and known else None)

    def request_for(self, shapes: Shapes | None) -> Any:
        """The request of a network compiled for exactly these shapes; None: for the dynamic shapes of the file."""
        if shapes not in self._requests:
            self._requests[shapes] = self._pool.network(shapes).create_infer_request()
        return self._requests[shapes]
