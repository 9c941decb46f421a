"""The classes that a detector learns, from the categories of its labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rtmcli.errors import UsageError

PERSON = "person"


def choose_classes(
    known: Sequence[str], wanted: Sequence[str] | None, path: Path, *, complete: bool = True
) -> tuple[str, ...]:
    """The wanted classes; by default `person` where the labels have it, else all of theirs.

    Args:
        known: the classes of a label file. wanted: by name; None for the default.
        complete: whether `known` lists every class that was labelled, so that a wanted one that is absent is an error.

    Raises UsageError where the labels lack a wanted class: its objects would be trained as background.
    """
    if wanted is None:
        return (PERSON,) if PERSON in known else tuple(known)
    for name in wanted:
        if complete and name not in known:
            raise UsageError(
                f"{path} has no class {name!r}, only {', '.join(known)}; name classes that all label files have with "
                "--set classes=NAME,NAME"
            )
    return tuple(wanted)
