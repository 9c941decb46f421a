"""Calls that block outside of Python, in a way that Ctrl-C interrupts."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def interruptible(call: Callable[[], T]) -> T:
    """The result of a call, made in another thread where this is the main thread.

    Python handles signals in its main thread, between two steps of its own. A library that waits for a server takes no
    step. The thread of a call that is interrupted is left behind.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    # A daemon: a call that never returns must not keep the process alive.
    thread = threading.Thread(target=run, name="rtm-open", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
