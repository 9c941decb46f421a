"""Pictures, folders, globs, lists, videos, cameras, URLs and stdin -> timed pixels, and the writer back."""

from rtmcli.media.read import Media, OnError, Picture, open_media, seconds

__all__ = ["Media", "OnError", "Picture", "open_media", "seconds"]
