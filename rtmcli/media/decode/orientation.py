"""How a decoded frame is to be shown: rotated and mirrored by its display matrix, with square pixels."""

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

# Beyond this ratio a pixel's shape is an error in the header.
_MAX_RATIO = 8


def display_matrix(frame: Any) -> bytes:
    """A frame's display matrix, 36 bytes, or nothing: the container's, or that of the frame's EXIF orientation."""
    _accept_unknown_side_data()
    return bytes(frame.side_data.get("DISPLAYMATRIX") or b"")


def apply_display_matrix(image: np.ndarray, matrix: bytes) -> np.ndarray:
    """Rotate and mirror an image (H, W, 3) as a display matrix says, to the nearest quarter turn.

    Args:
        matrix: 36 bytes, 3 x 3 int32 in 16.16 fixed point: x' = a x + c y, y' = b x + d y, with y down; or nothing.
    """
    if matrix:
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
        if abs(b) > abs(a):  # a quarter turn: x' goes with y
            image = image.transpose(1, 0, 2)
            a, d = c, b
        image = image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(image)


def square_pixel_size(width: int, height: int, pixel: Fraction | None) -> tuple[int, int]:
    """The size at which a frame is shown, with its shorter side stretched as browsers and players do.

    Args:
        width, height: as stored.
        pixel: width of a pixel by its height (sample aspect ratio), or None where that is not known.
    """
    if not pixel or not Fraction(1, _MAX_RATIO) <= pixel <= _MAX_RATIO:
        return width, height
    ratio = float(pixel)
    shown_width, shown_height = max(width, width * ratio), max(height, height / ratio)
    # A ratio that changes the size by less than a pixel comes from rounding (853x480 shown at 16:9).
    if shown_width - width < 1 and shown_height - height < 1:
        return width, height
    return round(shown_width), round(shown_height)


@cache
def _accept_unknown_side_data() -> None:
    """Give PyAV's enumeration of side data a member for every number.

    PyAV builds a member for each piece of a frame's side data before it gives any of them, and raises ValueError for
    kinds that it does not list, such as EXIF (31 in FFmpeg 8).
    """
    from av.sidedata.sidedata import Type

    def unknown(cls: Any, number: int) -> Any:
        member = object.__new__(cls)
        member._name_, member._value_ = f"UNKNOWN_{number}", number
        return member

    # The hook of enum.Enum for unknown values, which mypy takes for a method of this class alone.
    Type._missing_ = classmethod(unknown)  # type: ignore[assignment]
