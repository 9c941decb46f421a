"""The container's rotation and mirroring, applied to decoded frames."""

import numpy as np


def apply_display_matrix(image: np.ndarray, matrix: bytes) -> np.ndarray:
    """Rotate and mirror an image (H, W, 3) as the container's display matrix says, to the nearest quarter turn.

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
