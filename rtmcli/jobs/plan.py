"""The units of each source of a job."""

from dataclasses import dataclass

from rtmcli.errors import DataError
from rtmcli.jobs.sources import Named, file_size, image_files
from rtmcli.jobs.split import split
from rtmcli.jobs.unit import Source, Span, Unit
from rtmcli.media.decode.timeline import Length, VideoFile, begins_at, read_length, read_timeline
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.names import file_path, is_address
from rtmcli.media.remote import RemoteFile, is_remote
from rtmcli.media.source_names import DEMO, is_demo, kind_of_file

# A video shorter than this many units is not split.
_LEAST_UNITS = 1.5
# Images in a second of a unit.
_RATE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the sources of a job are read.

    Attributes:
        wanted: the frames of each source.
        stream: the video stream, or None.
        det_every: frames from one detection to the next.
        seconds: length of a unit; None for sources in one piece.
        clip: whether the images of a folder are the frames of a clip.
    """

    wanted: FrameRange
    stream: int | None = None
    det_every: int = 1
    seconds: float | None = None
    clip: bool = False


def plan_media(named: Named, output: str, reading: Reading) -> Source:
    """The units of a video, or of images. Damage is reported when they are read, not here."""
    if named.images:
        return _plan_images(named, output, reading)
    path = _video_path(named)
    try:
        length = Length(1, None) if path is None else read_length(path, named.name, stream=reading.stream)
    except DataError:
        path, length = None, Length(1, None)
    units: tuple[Unit, ...] = ()
    if path is not None and _is_long(length, reading):
        units = _split(named, output, path, reading)
    if not units:
        frames = max(1, (length.frames or 1) // reading.wanted.every)
        units = (Unit(source=named.name, output=output, length=reading.wanted.at_most(frames)),)
    return Source(name=named.name, output=output, size=file_size(named.name), units=units)


def plan_file(named: Named, output: str) -> Source:
    """A file that is read in one piece: one unit, as long as the file."""
    size = file_size(named.name)
    unit = Unit(source=named.name, output=output, length=max(1, size or 1))
    return Source(name=named.name, output=output, size=size, units=(unit,))


def _plan_images(named: Named, output: str, reading: Reading) -> Source:
    """Images in units of as many as a video of 25 frames a second has; a clip is one unit."""
    count = len(image_files(named.name))
    read = reading.wanted.at_most(len(range(0, count, reading.wanted.every)))
    spans: list[Span | None] = [None]
    if reading.seconds is not None and not reading.clip and read > _LEAST_UNITS * reading.seconds * _RATE:
        each = max(1, round(reading.seconds * _RATE))
        spans = [Span(first=first, frames=min(each, read - first)) for first in range(0, read, each)]
    units = tuple(
        Unit(source=named.name, output=output, images=True, length=span.frames if span else read, span=span)
        for span in spans
    )
    return Source(name=named.name, output=output, size=count, units=units)


def _split(named: Named, output: str, path: VideoFile, reading: Reading) -> tuple[Unit, ...]:
    assert reading.seconds is not None
    timeline = read_timeline(path, named.name, stream=reading.stream)
    if timeline is None:
        return ()
    spans = split(timeline, reading.wanted, det_every=reading.det_every, seconds=reading.seconds)
    begins = (span.keyframes[-1] for span in spans[1:])
    if len(spans) < 2 or not all(
        begins_at(path, named.name, keyframe, stream=reading.stream) for keyframe in begins
    ):
        return ()
    return tuple(Unit(source=named.name, output=output, length=span.frames, span=span) for span in spans)


def _is_long(length: Length, reading: Reading) -> bool:
    if reading.seconds is None:
        return False
    return length.seconds is None or length.seconds > _LEAST_UNITS * reading.seconds


def _video_path(named: Named) -> VideoFile | None:
    """The path of a video file, or the file in an object store; None for an image, and for what is not a file."""
    if is_remote(named.name):
        return RemoteFile(named.name) if kind_of_file(named.name) == "video" else None
    if is_demo(named.name):
        return str(DEMO)
    if is_address(named.name):
        return None
    path = file_path(named.name)
    try:
        return path if kind_of_file(path) == "video" else None
    except DataError:
        return None  # missing: reported when its turn comes
