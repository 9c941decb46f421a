"""OpenVINO models compiled as calls ask for them: for the thread that calls, and for the shape it brings."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Shapes = tuple[tuple[str, tuple[int, ...]], ...]  # each input's name and shape

FEW = 4  # pictures: more at once are slower on a CPU, whose caches they leave
MOST_SHAPES = 4  # fixed ones in a lane


class Lanes:
    """Places for calls side by side; each call holds one for as long as it runs.

    With weights of its own a lane is one stream of its own: then the runtime computes in the thread that calls,
    where streams of one compilation would hand every run to a thread of theirs and back, and CPUs would idle
    meanwhile. Large networks share one compilation all the same, and so their weights.

    Args:
        model: what the runtime read.
        compiled: compiles such a model, or one like it with other shapes.
        most: how many lanes; a further call waits.
        shared: whether all lanes run what was compiled once.
    """

    def __init__(self, model: Any, compiled: Callable[[Any], Any], *, most: int, shared: bool) -> None:
        self._model, self._compiled, self._most, self._shared = model, compiled, most, shared
        self._known: dict[Shapes | None, Any] = {}  # what shared lanes run
        self._compiling = threading.Lock()
        self._free = [Lane(self)]
        self._count = 1
        self._back = threading.Condition()

    @contextmanager
    def free(self) -> Iterator["Lane"]:
        """The lane used last of those that are free, or a new one."""
        with self._back:
            while not self._free and self._count == self._most:
                self._back.wait()
            if self._free:
                lane = self._free.pop()
            else:
                lane = Lane(self)
                self._count += 1
        try:
            yield lane
        finally:
            with self._back:
                self._free.append(lane)
                self._back.notify()

    def network(self, shapes: Shapes | None) -> Any:
        """The model compiled for inputs of these shapes; None: as open as the file leaves them."""
        if not self._shared:
            return self._compile(shapes)
        with self._compiling:
            if shapes not in self._known:
                self._known[shapes] = self._compile(shapes)
            return self._known[shapes]

    def _compile(self, shapes: Shapes | None) -> Any:
        model = self._model
        if shapes is not None and model.is_dynamic():
            model = model.clone()
            model.reshape({name: list(shape) for name, shape in shapes})
        return self._compiled(model)


class Lane:
    """The requests of one call at a time."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._requests: dict[Shapes | None, Any] = {}

    def request(self, shapes: Shapes) -> Any:
        """One for inputs of these shapes.

        Up to FEW pictures, the usual case, get a network of fixed shape, which spares RTMDet-nano a seventh of its time
        and RTMPose-t a fifth; larger batches share one of open shape, for there are as many as crowds have sizes.
        """
        few = all(shape[0] <= FEW for _, shape in shapes)
        return self.made(
            shapes if few and (shapes in self._requests or len(self._requests) < MOST_SHAPES) else None
        )

    def made(self, shapes: Shapes | None) -> Any:
        """The request of a network compiled for just these shapes; None: as open as the file leaves them."""
        if shapes not in self._requests:
            self._requests[shapes] = self._lanes.network(shapes).create_infer_request()
        return self._requests[shapes]
