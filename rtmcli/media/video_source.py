"""One video file, pipe, address or camera as a source of pictures."""

import os
import stat
from collections.abc import Generator

from rtmcli.errors import DataError, UsageError
from rtmcli.media.camera import Camera
from rtmcli.media.decode.video import Video
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.frame_source import Media, OnError
from rtmcli.media.images import unreadable
from rtmcli.media.source_names import DEMO, camera_number, is_demo, is_live
from rtmcli.media.stdin import demuxable
from rtmcli.records.line_io import standard_input
from rtmcli.records.picture import Picture
from rtmcli.terminal.messages import say


def open_video(name: str, wanted: FrameRange, on_error: OnError) -> Media:
    """Open a video file, a named pipe, an address, a camera number, `-` (standard input) or `demo`."""
    camera, live = camera_number(name), is_live(name)
    stop = on_error == "stop"
    video: Video | Camera
    if camera is not None:
        video, live = Camera(camera), True
    elif name == "-":
        video = Video(demuxable(standard_input("a video")), "standard input", stop=stop)
    elif "://" in name:
        video = Video(name, name, stop=stop, live=live)
    else:
        path = str(DEMO) if is_demo(name) else readable_path(name)
        if stat.S_ISREG(os.stat(path).st_mode):
            video = Video(path, name, stop=stop)
        else:  # a named pipe, a process substitution
            # Closed when the demuxer drops it.
            video = Video(demuxable(open(path, "rb")), name, stop=stop)  # noqa: SIM115

    def pictures() -> Generator[Picture, None, None]:
        yield from video_pictures(video, name, wanted, media)

    total = wanted.total(video.frames)
    media = Media(name, pictures(), total=total, fps=video.fps, live=live, close=video.close)
    return media


def video_pictures(
    video: Video | Camera, name: str, wanted: FrameRange, media: Media
) -> Generator[Picture, None, None]:
    """A video's pictures; the video is closed at the end, in the thread that decodes.

    Args:
        media: counts what is lost.
    """
    taken, lost = 0, media.lost
    try:
        for image, number, time in video.pictures(start=wanted.start, end=wanted.end, every=wanted.every):
            media.lost = lost + video.lost
            yield Picture(image, name, number, video.frames, time, image.shape[1], image.shape[0])
            taken += 1
            if taken == wanted.max_frames:
                return
        media.lost = lost + video.lost
        if video.truncated is not None:
            say(f"{name}: {video.truncated}")
        if not taken and wanted.start:
            raise UsageError(f"{name}: no frame at or after --start {wanted.start:g}; it ends before")
    finally:
        video.close()


def readable_path(name: str) -> str:
    """The name, if it is a file that can be read; DataError says why not."""
    try:
        mode = os.stat(name).st_mode
        if stat.S_ISREG(mode):
            with open(name, "rb") as stream:
                if not stream.read(1):
                    raise DataError(f"{name}: the file is empty")
    except OSError as error:
        raise unreadable(name, error) from None
    return name
