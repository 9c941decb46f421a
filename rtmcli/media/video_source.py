"""One video file, pipe, address or camera as a source of pictures."""

import os
import stat
from collections.abc import Generator
from typing import BinaryIO

from rtmcli.errors import DataError, UsageError
from rtmcli.media.camera import Camera
from rtmcli.media.decode.video import Video
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.frame_source import Media, OnError
from rtmcli.media.images import unreadable
from rtmcli.media.names import file_path, is_address, record_name
from rtmcli.media.remote import RemoteFile, is_remote
from rtmcli.media.source_names import DEMO, camera_number, is_demo, is_live
from rtmcli.records.picture import Picture
from rtmcli.terminal.messages import say


def open_video(
    name: str, wanted: FrameRange, on_error: OnError, *, stream: int | None, pipe: BinaryIO | None
) -> Media:
    """Open a video file, an address, a camera number or `demo`; or what comes through a pipe.

    Args:
        name: as in records.
        stream: the video stream to read, as ffprobe counts; None for the one that ffmpeg would take.
        pipe: standard input or a named pipe, ready for a demuxer.
    """
    camera, live = camera_number(name), is_live(name)
    stop = on_error == "stop"
    video: Video | Camera
    if pipe is not None:
        video = Video(pipe, "standard input" if name == "-" else name, stop=stop, stream=stream)
    elif camera is not None:
        if stream is not None:
            raise UsageError(f"--stream {stream}: a camera has one stream; leave it out")
        video, live = Camera(camera), True
    elif is_remote(name):
        video = Video(RemoteFile(name), name, stop=stop, stream=stream)
    elif is_address(name):
        video = Video(file_path(name), name, stop=stop, live=live, stream=stream)
    else:
        path = str(DEMO) if is_demo(name) else readable_path(file_path(name))
        video = Video(path, name, stop=stop, stream=stream)

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
    if video.note is not None:
        say(f"{name}: {video.note}")
    try:
        for image, number, time in video.pictures(
            start=wanted.start, end=wanted.end, every=wanted.every, keyframes=wanted.keyframes
        ):
            media.lost = lost + video.lost
            height, width = image.shape[:2]
            yield Picture(image, name, number, video.frames, time, width, height, stream=video.chosen_stream)
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


def readable_path(path: str) -> str:
    """The path, if it is a file that can be read; DataError says why not."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            with open(path, "rb") as stream:
                if not stream.read(1):
                    raise DataError(f"{record_name(path)}: the file is empty")
    except OSError as error:
        raise unreadable(path, error) from None
    return path
