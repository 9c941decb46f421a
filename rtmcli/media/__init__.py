"""Images, folders, globs, lists, videos, cameras, URLs and stdin -> timed images; and writers back."""

from rtmcli.media.expand import ListedSource, expand_sources
from rtmcli.media.frame_source import Media, OnError
from rtmcli.media.open import open_media
from rtmcli.media.write.base import Writer
from rtmcli.media.write.open import open_writer
from rtmcli.records.picture import Picture

__all__ = [
    "ListedSource",
    "Media",
    "OnError",
    "Picture",
    "Writer",
    "expand_sources",
    "open_media",
    "open_writer",
]
