"""Exceptions of the runtimes as errors of this package, so that no model file ends as an internal error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtmcli.errors import DataError, MissingError, RtmError


@contextmanager
def reading(runtime: str, path: Path) -> Iterator[None]:
    """Around opening a file. Raises DataError in place of whatever the runtime raises."""
    try:
        yield
    except RtmError:
        raise
    except Exception as error:  # each runtime raises types of its own
        raise DataError(f"{path}: {runtime} cannot read this model: {reason_of(error)}") from error


@contextmanager
def running(runtime: str, model: str) -> Iterator[None]:
    """Around a run of a network. Raises RtmError in place of whatever the runtime raises."""
    try:
        yield
    except RtmError:
        raise
    except Exception as error:  # each runtime raises types of its own
        raise RtmError(f"{model}: {runtime} failed to run this model: {reason_of(error)}") from error


def check_file(path: Path) -> None:
    """Raises MissingError where there is no such file."""
    if not path.is_file():
        raise MissingError(f"no model file {str(path)!r}; 'rtm models' lists the installed models")


def reason_of(error: Exception) -> str:
    """The first line of an exception's text that says something, else its type."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)
