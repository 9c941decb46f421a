"""rtm: real-time multi-person pose estimation as composable tools.

The library behind the verbs; everything here is loaded on first use, so that `import rtmcli` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Frame": "records.frame",
    "Instance": "records.frame",
    "read_frames": "records.ndjson",
    "write_frames": "records.ndjson",
    "open_media": "media",
    "Detector": "inference.detector",
    "TopDown": "inference.topdown",
    "OneStage": "inference.onestage",
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
