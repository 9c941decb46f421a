"""Picture: one decoded image and where it comes from."""

from dataclasses import dataclass

from rtmcli.arrays import Image


@dataclass(slots=True, eq=False)
class Picture:
    """One image of a source.

    Attributes:
        image: (H, W, 3) uint8 BGR, upright.
        source: the source as the user gave it (for an image its own path).
        frame: number in the source, from 0.
        frames: how many the source declares, or None.
        time: presentation time in seconds; None for images.
        width, height: of `image`, in pixels.
        file: the image's path where several are read as one clip, else None.
        dropped: of a live source, how many images were dropped before this one; else None.
        stream: the video stream that was asked for, counted as ffprobe does; None for the default one.
        gap: of the first image after a live source was lost, the seconds since the one before; else None.
        utc: of a live source, when the image arrived: UTC as ISO 8601; else None.

    Example:
        from rtmcli import open_media

        for picture in open_media("walk.mp4", max_frames=1):
            assert picture.image.shape == (picture.height, picture.width, 3)
    """

    image: Image
    source: str
    frame: int
    frames: int | None
    time: float | None
    width: int
    height: int
    file: str | None = None
    dropped: int | None = None
    stream: int | None = None
    gap: float | None = None
    utc: str | None = None
