"""OpenCV, imported in one place: a system library that it misses is one line with the remedy, not a traceback."""

from rtmcli.errors import MissingError

# What opencv-python's wheel loads from the system, and the Debian package that holds it.
_PACKAGES = {
    "libGL.so": "libgl1",
    "libgthread": "libglib2.0-0",
    "libglib": "libglib2.0-0",
    "libX": "libxcb1 libx11-6",
}


def missing_library(error: ImportError) -> MissingError:
    """The error to show for a cv2 that cannot be imported."""
    text = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError):
        return MissingError("OpenCV is not installed: pip install opencv-python")
    package = next((name for library, name in _PACKAGES.items() if library in text), "libgl1 libglib2.0-0")
    return MissingError(
        f"OpenCV cannot be loaded ({text}): apt-get install {package}, "
        "or where there is no screen: pip uninstall opencv-python && pip install opencv-python-headless"
    )


try:
    import cv2 as cv2
except ImportError as error:
    raise missing_library(error) from None
