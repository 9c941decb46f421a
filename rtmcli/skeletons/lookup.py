"""Keypoints of a skeleton file by index or by name."""

from difflib import get_close_matches


def keypoint_index(value: int | str, names: tuple[str, ...]) -> int:
    """The index of a keypoint that is given by index or by name. Raises ValueError where there is none."""
    if isinstance(value, str):
        if value not in names:
            near = get_close_matches(value, names, n=1)
            raise ValueError(f"no keypoint {value!r}" + (f"; did you mean {near[0]}?" if near else ""))
        return names.index(value)
    if not 0 <= value < len(names):
        raise ValueError(f"index {value} is not within {len(names)} keypoints")
    return int(value)
