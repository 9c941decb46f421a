"""rtm: real-time multi-person pose estimation as composable tools.

The library behind the verbs; everything here is loaded on first use, so that `import rtmcli` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Frame": "frames",
    "Instance": "frames",
    "read_frames": "ndjson",
    "write_frames": "ndjson",
    "open_media": "media",
    "Detector": "predictors.detector",
    "TopDown": "predictors.topdown",
    "OneStage": "predictors.onestage",
    "Tracker": "tracking",
    "Smoother": "filters",
    "load_skeleton": "skeletons",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
