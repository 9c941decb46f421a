"""Filters over time: records in, smoother records out."""

from rtmcli.filters.oneeuro import OneEuro
from rtmcli.filters.smoother import Smoother

__all__ = ["OneEuro", "Smoother"]
