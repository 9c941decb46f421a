"""From what a person writes after --model or --detector to a file."""

import difflib
from pathlib import Path

from rtmcli.errors import MissingError

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT_DETECTOR = "rtmdet-nano"
DEFAULT_POSE = "rtmpose-t"


def find_model(name: str | Path) -> Path:
    """The file of a bundled model's name, or of a path.

    Raises:
        MissingError: neither a file nor a model that is here; the message suggests the nearest name.
    """
    bundled = WEIGHTS / f"{name}.onnx"
    if "/" not in str(name) and bundled.is_file():
        return bundled
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.suffix or len(path.parts) > 1:
        raise MissingError(
            f"no model file {str(name)!r}; give a file that exists, or a name that 'rtm models' lists"
        )
    near = difflib.get_close_matches(str(name), bundled_names(), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise MissingError(f"no such model {str(name)!r}; {hint}'rtm models' lists them")


def bundled_names() -> list[str]:
    """Names of the models that ship inside the package."""
    return sorted(path.stem for path in WEIGHTS.glob("*.onnx"))
