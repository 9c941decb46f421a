"""Pictures, folders, globs, lists, videos, cameras, URLs and stdin -> timed pixels, and the writer back."""

from rtmcli.media.read import Media, Picture, open_media

__all__ = ["Media", "Picture", "open_media"]
