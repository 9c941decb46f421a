"""What the page shows under the skeletons: a video or images, linked where browsers can read them, else embedded."""

import base64
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np

from rtmcli.errors import DataError, RtmError
from rtmcli.media.frame_lookup import find_pictures, location_of
from rtmcli.media.names import file_path, is_address
from rtmcli.media.source_names import DEMO, camera_number, is_demo
from rtmcli.records.frame import Frame
from rtmcli.records.picture import Picture
from rtmcli.terminal.messages import say
from rtmcli.terminal.progress import progress
from rtmcli.view.tracks import Clip

# What Chrome, Firefox and Safari play: suffix -> codecs.
_PLAYABLE = {
    ".mp4": ("h264", "vp9", "av1"),
    ".m4v": ("h264",),
    ".mov": ("h264",),
    ".webm": ("vp8", "vp9", "av1"),
}
_PLAYABLE_PIXELS = ("yuv420p", "yuvj420p")
_SHOWN_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif")
# Longer side of what is encoded anew, in pixels.
_VIDEO_SIDE, _IMAGE_SIDE = 960, 1280
_JPEG_QUALITY = 80
# Without B-frames the file states true durations also where frames last unevenly: browsers seek by them.
_X264 = {"crf": "26", "bf": "0"}
# Browsers hold no string of 512 MB, and base64 takes four bytes for three.
_LARGEST = 300 << 20


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What is under the skeletons of a clip.

    Attributes:
        kind: "none" where there is nothing to show.
        links: addresses of the video or of the image of each record, relative to the page; empty where embedded.
        embedded: the video, or the image of each record, in base64.
        start: time of the video's first frame by the records' clock. Some browsers count from that frame, some from the
            container's 0; the page finds out by this.
    """

    kind: Literal["video", "images", "none"]
    links: tuple[str, ...] = ()
    embedded: tuple[str, ...] = ()
    start: float = 0.0


def find_backdrop(
    clip: Clip, page: Path, *, media: str | None = None, insecure: bool = False, embed: bool = False
) -> Backdrop:
    """Link the images of a clip, or read them into the page.

    Args:
        page: where the page will be.
        media, insecure: as for `find_pictures`.
        embed: embed also what could be linked. Formats that browsers cannot show are always encoded and embedded.

    Raises:
        DataError: with `media` or `embed`, where the images cannot be read. Otherwise they are left out with a note.
    """
    try:
        if clip.is_images:
            return _images(clip, page, media, insecure, embed)
        return _video(clip, page, media, insecure, embed)
    except DataError as error:
        if media is not None or embed:
            raise
        say(f"the page shows no images: {error}", program="rtm view")
        return Backdrop("none")


def has_file(frame: Frame) -> bool:
    """Whether the image of a record can be read from a file on this machine."""
    name = str(frame.extra.get("file", frame.source))
    if name == "-" or camera_number(name) is not None or is_address(name):
        return False
    return is_demo(name) or os.path.isfile(file_path(name))


def _video(clip: Clip, page: Path, media: str | None, insecure: bool, embed: bool) -> Backdrop:
    name = location_of(clip.frames[0], media)
    if camera_number(name) is not None:
        raise DataError(f"{name} is a camera, whose images are gone; name a recording with --video FILE")
    if is_address(name) and not embed:
        raise DataError(f"{name} is not on this machine, and the page uses no network; give --embed")
    path = Path(DEMO) if is_demo(name) else Path(file_path(name))
    if not is_address(name) and not os.path.exists(path):
        raise DataError(f"{name}: no such file; say where it is with --video FILE")
    if is_address(name) or "stream" in clip.frames[0].extra or not path.is_file():
        return _encoded_video(clip, media, insecure)
    start = _start_if_playable(path)
    if start is None:
        return _encoded_video(clip, media, insecure)
    if not embed:
        return Backdrop("video", links=(_link(path, page),), start=start)
    if path.stat().st_size > _LARGEST:
        raise DataError(
            f"{name}: {path.stat().st_size >> 20} MB cannot be embedded ({_LARGEST >> 20} at most); link it: leave "
            "--embed out"
        )
    try:
        return Backdrop("video", embedded=(base64.b64encode(path.read_bytes()).decode(),), start=start)
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}") from None


def _start_if_playable(path: Path) -> float | None:
    """The time in seconds of a video's first frame, or None where browsers cannot play it."""
    import av

    codecs = _PLAYABLE.get(path.suffix.lower())
    if codecs is None:
        return None
    try:
        with av.open(f"file:{path}") as container:
            if not container.streams.video:
                return None
            stream = container.streams.video[0]
            if stream.codec_context.codec.canonical_name not in codecs:
                return None
            if stream.codec_context.pix_fmt not in _PLAYABLE_PIXELS:
                return None
            # Records count from 0 where the container begins earlier.
            return max(0.0, float((stream.start_time or 0) * (stream.time_base or 0)))
    except (av.error.FFmpegError, OSError):
        return None


def _encoded_video(clip: Clip, media: str | None, insecure: bool) -> Backdrop:
    """The frames that have a record, as a small H.264 video at their times."""
    from rtmcli.media.write.video import VideoWriter

    times = clip.times()
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.04
    width, height = _within(*clip.size(), _VIDEO_SIDE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "video.mp4")
        with VideoWriter(path, 1 / max(step, 1e-3), (width, height), x264=_X264) as writer:
            for (_, picture), time in zip(_pictures(clip, media, insecure), times.tolist(), strict=True):
                writer.write(picture.image, time=time)
        data = path.read_bytes()
    if len(data) > _LARGEST:
        raise RtmError(
            f"{clip.name}: {len(data) >> 20} MB of video cannot be embedded ({_LARGEST >> 20} at most); make a file "
            "that browsers play with 'rtm draw -o out.mp4 --no-boxes --min-score 2' and name it with --video"
        )
    return Backdrop("video", embedded=(base64.b64encode(data).decode(),), start=float(times[0]))


def _images(clip: Clip, page: Path, media: str | None, insecure: bool, embed: bool) -> Backdrop:
    names = [location_of(frame, media) for frame in clip.frames]
    shown = all(
        not is_address(name) and name.lower().endswith(_SHOWN_IMAGES) and os.path.isfile(file_path(name))
        for name in names
    )
    if shown and not embed:
        return Backdrop("images", links=tuple(_link(Path(file_path(name)), page) for name in names))
    from rtmcli.opencv import cv2

    jpegs = []
    for _, picture in _pictures(clip, media, insecure):
        size = _within(picture.width, picture.height, _IMAGE_SIDE)
        small = cv2.resize(picture.image, size, interpolation=cv2.INTER_AREA)
        _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        jpegs.append(base64.b64encode(data.tobytes()).decode())
    return Backdrop("images", embedded=tuple(jpegs))


def _pictures(clip: Clip, media: str | None, insecure: bool) -> Iterator[tuple[Frame, Picture]]:
    frames = [replace(frame) for frame in clip.frames]
    with (
        progress(len(frames), "encode") as bar,
        closing(find_pictures(frames, media, insecure=insecure)) as pairs,
    ):
        for pair in pairs:
            bar.advance()
            yield pair


def _within(width: int, height: int, longest: int) -> tuple[int, int]:
    """The size scaled down until its longer side is at most `longest`."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _link(path: Path, page: Path) -> str:
    """The address of a file relative to the page."""
    return quote(os.path.relpath(path.resolve(), page.resolve().parent))
