"""Ids of people from the names that other programs give to their tracks."""

import re
from collections.abc import Iterable


def ids_of_names(names: Iterable[str]) -> dict[str, int]:
    """The id of each track: the number at the end of its name where all have one of their own, else its place."""
    names = list(dict.fromkeys(names))
    numbers = [re.search(r"\d+$", name) for name in names]
    ids = [int(number[0]) for number in numbers if number is not None]
    if len(set(ids)) != len(names):
        ids = list(range(len(names)))
    return dict(zip(names, ids, strict=True))
