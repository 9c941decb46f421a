"""Filters over time: records in, smoother records out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtmcli.filters.one_euro import OneEuro
    from rtmcli.filters.smoother import Smoother

__all__ = ["OneEuro", "Smoother"]


def __getattr__(name: str) -> Any:
    """Loaded on first use: the verb's help and an empty stream need neither."""
    if name == "Smoother":
        from rtmcli.filters.smoother import Smoother

        return Smoother
    if name == "OneEuro":
        from rtmcli.filters.one_euro import OneEuro

        return OneEuro
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
