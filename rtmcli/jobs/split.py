"""Split a video into spans at detection boundaries."""

from rtmcli.jobs.unit import Span
from rtmcli.media.decode.timeline import Timeline
from rtmcli.media.frame_range import FrameRange

# Keyframes that a span knows: where a demuxer does not land on the last one, it may land on one before.
_KEYFRAMES = 3


def split(timeline: Timeline, wanted: FrameRange, *, det_every: int, seconds: float) -> list[Span]:
    """Spans of at least so many seconds, each of which begins with a frame on which the detector runs.

    The detector runs on every `det_every`-th frame that is read, so a span and the frames of a run in one piece get the
    same detections, and a span needs no pixels of another one.
    """
    taken = wanted.numbers(timeline.times)
    if not taken:
        return []
    begins = _begins(timeline, taken, det_every, seconds)
    spans = []
    for begin, end in zip(begins, [*begins[1:], len(taken)], strict=True):
        start = wanted.start if begin == 0 else timeline.times[taken[begin]]
        last = end == len(taken)
        spans.append(
            Span(
                first=taken[begin],
                frames=end - begin,
                start=start,
                # The last span ends where the source ends, so that a truncated file is noticed.
                end=wanted.end if last else timeline.times[taken[end]],
                max_frames=end - begin if last and wanted.max_frames == len(taken) else None,
                keyframes=_keyframes_before(timeline, start),
            )
        )
    return spans


def _begins(timeline: Timeline, taken: list[int], det_every: int, seconds: float) -> list[int]:
    """Indices of the frames with which spans begin."""
    times = [timeline.times[number] for number in taken]
    begins = [0]
    for at in range(0, len(times), det_every):
        last = times[begins[-1]]
        # Without a keyframe since the last span began, that span would be decoded again before this one.
        if (
            times[at] - last >= seconds
            and timeline.keyframes[timeline.keyframes_until(times[at]) - 1][0] > last
        ):
            begins.append(at)
    # What would be left over belongs to the last span.
    if len(begins) > 1 and times[-1] - times[begins[-1]] < seconds / 2:
        begins.pop()
    return begins


def _keyframes_before(timeline: Timeline, start: float | None) -> tuple[tuple[int, int], ...]:
    if start is None:
        return ()
    end = timeline.keyframes_until(start)
    return tuple((tick, number) for _, tick, number in timeline.keyframes[max(0, end - _KEYFRAMES) : end])
