"""Images that show the time at which they were made, so that a reader knows how old they are. Standard library only."""

import time
from typing import Any

WIDTH, HEIGHT, FPS = 320, 240, 25
_COLUMNS, _ROWS = 16, 2
_BLOCK = WIDTH // _COLUMNS, HEIGHT // 4


def clock_image() -> bytes:
    """(HEIGHT, WIDTH) uint8 grey: the milliseconds of this moment in white and black blocks, most significant first."""
    value = int(time.time() * 1000) % (1 << _COLUMNS * _ROWS)
    bits = f"{value:0{_COLUMNS * _ROWS}b}"
    rows = [bits[at : at + _COLUMNS] for at in range(0, len(bits), _COLUMNS)]
    top = b"".join(
        b"".join((b"\xeb" if bit == "1" else b"\x10") * _BLOCK[0] for bit in row) * _BLOCK[1] for row in rows
    )
    return top + b"\x80" * (WIDTH * HEIGHT - len(top))


def age(image: Any) -> float:
    """Seconds since an image of `clock_image` was made; `image` is (H, W, 3) BGR."""
    value = 0
    for row in range(_ROWS):
        for column in range(_COLUMNS):
            x, y = column * _BLOCK[0], row * _BLOCK[1]
            block = image[y + 10 : y + _BLOCK[1] - 10, x + 4 : x + _BLOCK[0] - 4]
            value = value * 2 + int(block.mean() > 127)
    return ((int(time.time() * 1000) - value) % (1 << _COLUMNS * _ROWS)) / 1000
