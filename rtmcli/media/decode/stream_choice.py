"""Which of several video streams is read."""

from typing import Any

from rtmcli.errors import DataError, UsageError
from rtmcli.media.decode.container import tagged_seconds


def choose_stream(container: Any, name: str, number: int | None) -> Any:
    """The video stream `number`, counted as ffprobe does among all streams; by default the one ffmpeg would take.

    Raises:
        DataError: there is no video, or no decoder for it.
        UsageError: stream `number` is not a video.
    """
    videos = list(container.streams.video)
    if number is not None:
        chosen = next((stream for stream in videos if stream.index == number), None)
        if chosen is None:
            known = f"its video streams are {_listed(videos)}" if videos else "there is no video in it"
            raise UsageError(f"{name}: --stream {number} is not a video stream; {known}")
    else:
        # Cover images of music and films are never meant.
        shown = [stream for stream in videos if not _is_cover(stream)]
        if not shown:
            raise DataError(f"{name}: there is no video in it")
        chosen = max(shown, key=_rank)
    if chosen.codec_context is None:
        raise DataError(f"{name}: no decoder for its video codec, or the header is damaged")
    return chosen


def describe_choice(container: Any, chosen: Any) -> str | None:
    """A note for the user where there were several streams to choose from."""
    others = [stream for stream in container.streams.video if stream is not chosen and not _is_cover(stream)]
    # The first image of an AVIF sequence is stored beside it for viewers that do not play it.
    if not others or container.metadata.get("major_brand") == "avis":
        return None
    return f"reading video stream {_described(chosen)}; --stream N reads another: {_listed(others)}"


def _rank(stream: Any) -> tuple[bool, bool, bool, int, int, int]:
    """As ffmpeg chooses (fftools, map_auto_video): a default stream, then the largest; before that, one that moves."""
    from av.stream import Disposition

    context = stream.codec_context
    special = Disposition.still_image | Disposition.timed_thumbnails | Disposition.dependent
    return (
        context is not None,
        not (_is_single_image(stream) or stream.disposition & special),
        bool(stream.disposition & Disposition.default),
        context.width * context.height if context is not None else 0,
        stream.frames,
        -stream.index,
    )


def _is_single_image(stream: Any) -> bool:
    """Whether a stream holds one frame: beside a video it is a cover or a preview."""
    step = 1 / stream.average_rate if stream.average_rate else 0.04
    return (
        stream.frames == 1
        or stream.metadata.get("NUMBER_OF_FRAMES") == "1"
        or (tagged_seconds(stream) or 1e9) <= 1.5 * step
    )


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _listed(streams: list[Any]) -> str:
    return ", ".join(_described(stream) for stream in streams)


def _described(stream: Any) -> str:
    context = stream.codec_context
    if context is None:
        return f"{stream.index} (unknown codec)"
    return f"{stream.index} ({context.codec.canonical_name}, {context.width}x{context.height})"
