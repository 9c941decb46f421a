"""`open_writer`: the writer for what a path's suffix says."""

from pathlib import Path

from rtmcli.errors import UsageError
from rtmcli.media.write.base import Writer
from rtmcli.media.write.images import IMAGE_SUFFIXES, FolderWriter, ImageWriter

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")


def open_writer(path: str | Path, *, fps: float | None = None, size: tuple[int, int] | None = None) -> Writer:
    """Open a writer for what the path's suffix says: mp4, m4v, mov, mkv; gif; png, jpg, ...; a folder without one.

    Args:
        fps: frames a second of images without a time (25 where None).
        size: (width, height) of a video; the first image's where None. Others are fitted into it.

    Raises:
        UsageError: the suffix names nothing that can be written.
        RtmError: the path cannot be written.

    Example:
        from rtmcli import open_media, open_writer

        with open_writer("copy.mp4") as writer:
            for picture in open_media("walk.mp4", max_frames=10):
                writer.write(picture.image, time=picture.time)
    """
    name, suffix = str(path), Path(path).suffix.lower()
    if name == "-":
        raise UsageError("images and videos are not written to standard output; name a file or a folder")
    if Path(path).is_dir() or name.endswith("/") or not suffix:
        return FolderWriter(Path(path))
    from rtmcli.media.write.video import GifWriter, VideoWriter

    if suffix in VIDEO_SUFFIXES:
        return VideoWriter(Path(path), fps or 25.0, size)
    if suffix == ".gif":
        return GifWriter(Path(path), fps or 25.0, size)
    if suffix in IMAGE_SUFFIXES:
        return ImageWriter(Path(path))
    raise UsageError(
        f"{path}: no format is known for {suffix}; use .mp4, .mkv, .gif, .png, .jpg, or a folder's name"
    )
