"""Names of the numpy arrays in signatures; a docstring gives the shape and the unit."""

from typing import Any

import numpy as np
import numpy.typing as npt

# Floating point of any width: geometry and codecs keep the width that they are given.
FloatArray = npt.NDArray[np.floating]
Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]
# (H, W, 3) BGR, 8 bits a channel.
Image = npt.NDArray[np.uint8]
# An image as another library types it, such as `cv2.imread`; whether it is one is checked when it is used.
AnyImage = npt.NDArray[Any]
