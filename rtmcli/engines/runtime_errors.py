"""Exceptions of the runtimes as errors of this package, so that no model file ends as an internal error."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from rtmcli.errors import DataError, MissingError, RtmError


def reading(runtime: str, path: Path) -> AbstractContextManager[None]:
    """Around opening a file. Raises DataError in place of whatever the runtime raises."""
    return _raises(DataError, f"{path}: {runtime} cannot read this model")


def running(runtime: str, model: str) -> AbstractContextManager[None]:
    """Around a run of a network. Raises RtmError in place of whatever the runtime raises."""
    return _raises(RtmError, f"{model}: {runtime} failed to run this model")


def check_file(path: Path) -> None:
    """Raises MissingError where there is no such file."""
    if not path.is_file():
        raise MissingError(f"no model file {str(path)!r}; 'rtm models' lists the installed models")


def reason_of(error: Exception) -> str:
    """The first line of an exception's text that says something, else its type."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)


@contextmanager
def _raises(kind: type[RtmError], what: str) -> Iterator[None]:
    try:
        yield
    except RtmError:
        raise
    except Exception as error:  # each runtime raises types of its own
        raise kind(f"{what}: {reason_of(error)}") from error
