"""Open several sources; cameras at the same time, because each may take seconds."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from rtmcli.media.expand import ListedSource, stands_alone
from rtmcli.media.frame_source import Media

# Cameras that are connected to at once.
_AT_ONCE = 16


def open_several(open_one: Callable[[ListedSource], Media], sources: Sequence[ListedSource]) -> list[Media]:
    """Open every source before the first is read, so that a misspelt name ends a verb at once.

    Raises what `open_one` raised first, in the order of the sources; those that were opened are closed.
    """
    if len(sources) == 1:
        return [open_one(sources[0])]
    opening: list[Future[Media]] = []
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="rtm-open")
    try:
        for one in sources:
            opening.append(pool.submit(open_one, one))
            # Files one after the other: what is said about them comes in order, and a missing one ends it.
            if not stands_alone(one.source) and opening[-1].exception() is not None:
                break
        failure = next(filter(None, [future.exception() for future in opening]), None)
    finally:
        pool.shutdown(wait=False)  # Ctrl-C does not wait for a camera
    if failure is None:
        return [future.result() for future in opening]
    for future in opening:
        if future.exception() is None:
            future.result().close()
    raise failure
