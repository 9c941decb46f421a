"""Pictures, folders, globs, lists, videos, cameras, URLs and stdin -> timed pixels, and the writer back."""

from rtmcli.media.frame_source import Media, Picture
from rtmcli.media.open import OnError, open_media
from rtmcli.media.write.base import Writer
from rtmcli.media.write.open import open_writer

__all__ = ["Media", "OnError", "Picture", "Writer", "open_media", "open_writer"]
