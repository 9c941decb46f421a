"""Tracking: who is who from one frame to the next."""

from rtmcli.tracking.fill import fill_gaps
from rtmcli.tracking.offline import track_ahead, track_offline
from rtmcli.tracking.summary import summarize_tracks
from rtmcli.tracking.tracker import Tracker

__all__ = ["Tracker", "fill_gaps", "summarize_tracks", "track_ahead", "track_offline"]
