"""Strings in HDF5 files (.slp, .nwb), which a NUL character ends."""

from typing import TypeVar

from rtmcli.errors import DataError

Text = TypeVar("Text", str, str | None)


def hdf5_text(text: Text, what: str) -> Text:
    """The text as it is. Raises DataError where it has a NUL character; `what` names it in the message."""
    if text is not None and "\0" in text:
        raise DataError(f"{what} {text!r} has a NUL character, which HDF5 files cannot hold: rename it")
    return text
