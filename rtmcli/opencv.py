"""OpenCV, imported in one place: a system library that it misses is one line with the remedy, not a traceback."""

from rtmcli.errors import MissingError, missing_library

try:
    import cv2 as cv2
except ModuleNotFoundError:
    raise MissingError("OpenCV is not installed; install it with: pip install opencv-python") from None
except ImportError as error:
    raise missing_library(error) from None
