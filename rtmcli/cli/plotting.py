"""What verbs that draw plots share."""

from pathlib import Path

from rtmcli.errors import MissingError


def need_matplotlib(path: Path) -> None:
    """Raise MissingError, before the work, where the plot could not be drawn at its end."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise MissingError(f"--plot {path} needs matplotlib: pip install 'rtmcli[eval]'")
