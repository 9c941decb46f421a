"""The errors that rtm reports, each with the exit code of the process.

A message is one sentence: what is wrong, what was expected, what to do. `cli.app` puts the verb's name before it.
"""


class RtmError(Exception):
    """Something failed: exit code 1. The base of all errors below.

    Example:
        from rtmcli import RtmError, open_media

        try:
            media = open_media("missing.mp4")
        except RtmError as error:
            print(error, error.exit_code)
    """

    exit_code = 1


class UsageError(RtmError):
    """An option or argument does not exist, contradicts another or has no effect: exit code 2.

    Example:
        from rtmcli import UsageError, load_skeleton

        try:
            load_skeleton("coco71")
        except UsageError as error:
            print(error)
    """

    exit_code = 2


class DataError(RtmError):
    """The input is damaged, or not of the format it claims to be: exit code 3.

    The message names the source, and the line or frame where there is one.

    Example:
        from rtmcli import DataError, decode_frame

        try:
            decode_frame(b"not a record")
        except DataError as error:
            print(error)
    """

    exit_code = 3


class StreamEndedError(DataError):
    """A camera or live stream sends no more: exit code 3. What was written until then is kept."""


class MissingError(RtmError):
    """An extra, a model or a device is not here: exit code 4. The message holds the command that gets it.

    Example:
        from rtmcli import MissingError, open_model

        try:
            open_model("rtmpose-m")
        except MissingError as error:
            print(error)
    """

    exit_code = 4


# What opencv-python loads from the system, as Debian packages. All are named at once: the error names the first only.
_OPENCV_PACKAGES = "libgl1 libglib2.0-0 libxcb1"
# Other libraries that wheels load from the system, and the Debian packages that have them.
_SYSTEM_PACKAGES = {"libX11": "libx11-6", "libgomp": "libgomp1"}


def missing_library(error: ImportError) -> MissingError:
    """The error for a Python package whose system library is missing, with the command that installs it."""
    text = " ".join(str(error).split())
    package = next((name for library, name in _SYSTEM_PACKAGES.items() if library in text), _OPENCV_PACKAGES)
    return MissingError(
        f"a system library is missing ({text}); install it with: apt-get install {package}, or without a display: "
        "pip uninstall opencv-python && pip install opencv-python-headless"
    )
