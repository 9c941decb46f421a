"""What verbs that draw plots share."""

from pathlib import Path

from rtmcli.errors import MissingError, UsageError
from rtmcli.files import check_writable


def need_matplotlib(path: Path) -> None:
    """Check, before the work, that a plot can be drawn at its end.

    Raises MissingError where matplotlib is not installed, UsageError where it does not write this kind of file,
    RtmError where the file cannot be written.
    """
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise MissingError(f"--plot {path} needs matplotlib: pip install 'rtmcli[eval]'")
    from matplotlib.figure import Figure

    formats = Figure().canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in ("", *formats):
        raise UsageError(
            f"cannot write {path}: no image format is known for {path.suffix}; use .png, .svg or .pdf"
        )
    check_writable(path)
