"""The times of all frames of a video from its packets alone, and where its decoder can begin."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice

from rtmcli.errors import DataError
from rtmcli.media.decode.container import decode_failures
from rtmcli.media.decode.frame_reader import FrameReader
from rtmcli.media.decode.stream import VideoStream
from rtmcli.media.decode.truncation import Declared
from rtmcli.media.remote import RemoteFile

# A path, or a file of an object store.
VideoFile = str | RemoteFile

# Frames decoded to see that packets and frames agree: more than a decoder reorders.
_CHECKED = 24


@dataclass(frozen=True, slots=True)
class Timeline:
    """The frames of a video in order of presentation.

    Attributes:
        times: seconds of each frame, as decoding gives them.
        keyframes: (time, tick, number as stored) of each keyframe, in order of time.
    """

    times: tuple[float, ...]
    keyframes: tuple[tuple[float, int, int], ...]

    def keyframes_until(self, time: float) -> int:
        """How many keyframes are at or before a time."""
        return bisect_right(self.keyframes, time, key=lambda keyframe: keyframe[0])


@dataclass(frozen=True, slots=True)
class Length:
    """How long a video is by its header: frames and seconds, or None where that does not say it."""

    frames: int | None
    seconds: float | None


def read_length(path: VideoFile, name: str, *, stream: int | None = None) -> Length:
    """The length of a video file by its header. Raises DataError where it is not a video."""
    source = VideoStream(path, name, strict=True, live=False, number=stream)
    try:
        frames = Declared(source).frames
        duration = source.container.duration
        seconds = duration / 1e6 if duration else None
        if frames is None and seconds is not None and source.fps is not None:
            frames = round(seconds * source.fps)
        elif seconds is None and frames is not None and source.fps is not None:
            seconds = frames / source.fps
        return Length(frames, seconds)
    finally:
        source.close()


def read_timeline(path: VideoFile, name: str, *, stream: int | None = None) -> Timeline | None:
    """The frames of a video file, without decoding it (a hundredth of the time).

    None where decoding might number or time frames otherwise: packets that are not frames, missing or repeated times,
    two recordings in one file, damage.
    """
    try:
        source = VideoStream(path, name, strict=True, live=False, number=stream)
    except DataError:
        return None
    try:
        found = _read(source) if source.can_count_packets else None
    finally:
        source.close()
    if found is None:
        return None
    order, keyframes = found
    ticks = sorted(order)
    if not ticks or len(set(ticks)) != len(ticks) or not _decodes_as(ticks, path, name, stream):
        return None
    timestamps = source.timestamps
    times: list[float] = []
    for tick in ticks:
        times.append(timestamps.time(tick, times[-1] if times else None))
    starts = sorted((timestamps.time(tick, None), tick, number) for tick, number in keyframes)
    return Timeline(tuple(times), tuple(starts))


def begins_at(path: VideoFile, name: str, keyframe: tuple[int, int], *, stream: int | None = None) -> bool:
    """Whether decoding from a keyframe (tick, number) on gives that keyframe first.

    A stream with intra refresh marks frames as keyframes from which the image is complete only some frames later.
    """
    tick = keyframe[0]
    source = VideoStream(path, name, strict=True, live=False, number=stream)
    try:
        start = source.timestamps.time(tick, None)
        reader = FrameReader(source, Declared(source), stop=True, start=start, keyframes=(keyframe,))
        ticks = (pts for _, _, pts in reader)
        return next((pts for pts in ticks if pts is None or pts >= tick), None) == tick
    except DataError:
        return False
    finally:
        source.close()


def _read(source: VideoStream) -> tuple[list[int], list[tuple[int, int]]] | None:
    """The ticks of all packets as stored, and (tick, number) of the keyframes; None where one has no tick."""
    order: list[int] = []
    keyframes: list[tuple[int, int]] = []
    try:
        for packet in source.packets:
            if not packet.size or packet.is_discard:
                continue
            if packet.pts is None or packet.is_corrupt:
                return None
            if packet.is_keyframe:
                keyframes.append((packet.pts, len(order)))
            order.append(packet.pts)
    except decode_failures():
        return None
    return (order, keyframes) if keyframes and keyframes[0][1] == 0 else None


def _decodes_as(ticks: list[int], path: VideoFile, name: str, stream: int | None) -> bool:
    """Whether the first frames that are decoded are the first packets."""
    source = VideoStream(path, name, strict=True, live=False, number=stream)
    try:
        reader = FrameReader(source, Declared(source), stop=True, start=None)
        frames = [(number, pts) for _, number, pts in islice(iter(reader), _CHECKED)]
    except DataError:
        return False
    finally:
        source.close()
    return frames == list(enumerate(ticks[:_CHECKED]))
