"""Tracking: who is who from one frame to the next."""

from rtmcli.tracking.tracker import Tracker

__all__ = ["Tracker"]
