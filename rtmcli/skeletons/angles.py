"""The angles of a skeleton file: between which vectors, which angle counts as zero, which direction is positive."""

from dataclasses import dataclass
from typing import Any

from rtmcli.skeletons.lookup import keypoint_index

# A keypoint, or two whose middle it is.
Point = tuple[int, ...]
# From the first point to the second.
Vector = tuple[Point, Point]


@dataclass(frozen=True, slots=True)
class Angle:
    """A joint angle, or the angle of a segment to the horizontal.

    The person is seen from the right side and moves to the right of the image. The turn from `start` to `end` is
    counted counter-clockwise in degrees; the angle is `sign * (turn - zero)`, wrapped into half a period on both sides
    of zero.

    Attributes:
        start: the vector the turn begins at; None for a segment: the horizontal, forwards.
        end: the vector the turn ends at.
        zero: the turn in degrees that counts as an angle of 0.
        sign: 1 or -1.
        period: 360, or 180 where the line counts and not its direction.
        hinge: whether the joint bends to one side only; in 3D such an angle has no sign of its own.
    """

    start: Vector | None
    end: Vector
    zero: float = 0.0
    sign: int = 1
    period: float = 360.0
    hinge: bool = False


def read_angles(table: dict[str, Any], names: tuple[str, ...]) -> dict[str, Angle]:
    """The table `angles` of a skeleton file. Raises ValueError that names the angle and what is wrong with it."""
    return {name: _angle(name, entry, names) for name, entry in table.items()}


def read_facing(groups: list[Any], names: tuple[str, ...]) -> tuple[tuple[Vector, ...], ...]:
    """The list `facing` of a skeleton file: groups of vectors that point to where the person faces."""
    return tuple(tuple(_vector("facing", pair, names) for pair in group) for group in groups)


def _angle(name: str, entry: dict[str, Any], names: tuple[str, ...]) -> Angle:
    unknown = sorted(set(entry) - {"from", "to", "zero", "sign", "period", "hinge"})
    if unknown:
        raise ValueError(
            f"angle {name!r}: unknown key {unknown[0]!r}; there are from, to, zero, sign, period, hinge"
        )
    if "to" not in entry:
        raise ValueError(f"angle {name!r}: 'to' is missing")
    sign, period = entry.get("sign", 1), float(entry.get("period", 360))
    if sign not in (1, -1) or period not in (180.0, 360.0):
        raise ValueError(
            f"angle {name!r}: 'sign' must be 1 or -1 and 'period' 180 or 360, got {sign} and {period:g}"
        )
    return Angle(
        start=_vector(name, entry["from"], names) if "from" in entry else None,
        end=_vector(name, entry["to"], names),
        zero=float(entry.get("zero", 0)),
        sign=sign,
        period=period,
        hinge=bool(entry.get("hinge", False)),
    )


def _vector(name: str, pair: Any, names: tuple[str, ...]) -> Vector:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError(f"{name!r}: a vector is a list of two points, got {pair!r}")
    start, end = pair
    return _point(start, names), _point(end, names)


def _point(value: Any, names: tuple[str, ...]) -> Point:
    several = value if isinstance(value, list) else [value]
    if not 1 <= len(several) <= 2:
        raise ValueError(f"a point is a keypoint or the middle of two, got {len(several)}")
    return tuple(keypoint_index(one, names) for one in several)
