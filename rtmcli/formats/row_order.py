"""The order of frames that come from the rows of a table."""

from collections.abc import Iterable

Key = tuple[str, int]


def in_frame_order(keys: Iterable[Key]) -> list[Key]:
    """Sources and frames as they come where the frames of each source ascend, else by source and frame."""
    keys = list(keys)
    last: dict[str, int] = {}
    ascending = True
    for source, number in keys:
        ascending = ascending and number > last.get(source, -1)
        last[source] = number
    if ascending:
        return keys
    places = {source: place for place, source in enumerate(last)}
    return sorted(keys, key=lambda key: (places[key[0]], key[1]))
