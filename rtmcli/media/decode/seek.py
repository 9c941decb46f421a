"""Seek in a video and still know every frame's number, by counting the packets before it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from rtmcli.media.decode.container import decode_failures

# Keyframes to try when a container does not land on the one it was asked for.
_TRIES = 3


def seek_keyframe(
    container: Any, stream: Any, scanned: Any, is_after: Callable[[int], bool]
) -> tuple[int, Iterator[Any]] | None:
    """Seek to the last keyframe at or before a time.

    Args:
        container, stream: opened; the position changes, whatever is returned.
        scanned: the same stream of a container that was opened again, at its beginning.
        is_after: whether a tick of the stream lies after the time.

    Returns:
        The number of the keyframe in the source and the packets from it on; None where it is not certain that a
        keyframe was reached.
    """
    keyframes, order = _packets_until(scanned, is_after)
    for keyframe in keyframes[: -_TRIES - 1 : -1]:
        with suppress(StopIteration, *decode_failures()):
            container.seek(keyframe, stream=stream)
            packets = container.demux(stream)
            first = next(packets)
            # A demuxer may land elsewhere; what matters is to know where.
            if first.is_keyframe and first.pts in order and not is_after(first.pts):
                return order.index(first.pts), chain([first], packets)
    return None


def seek_known_keyframe(
    container: Any, stream: Any, keyframes: Sequence[tuple[int, int]], is_after: Callable[[int], bool]
) -> tuple[int, Iterator[Any]] | None:
    """The same where the (tick, number) of the last keyframes before the time are known, in order of time."""
    numbers = dict(keyframes)
    for keyframe in reversed(numbers):
        with suppress(*decode_failures()):
            container.seek(keyframe, stream=stream)
            packets = container.demux(stream)
            # A demuxer without an index lands in the middle of a stream: the next keyframe may be the one.
            for packet in packets:
                if packet.is_keyframe and packet.pts in numbers:
                    return numbers[packet.pts], chain([packet], packets)
                if packet.dts is None or is_after(packet.dts):
                    break
    return None


def plays_in_order(stream: Any) -> bool:
    """Whether frames are shown in one piece: an edit list hides frames at the beginning and the end at most."""
    hidden = [entry.is_discard for entry in stream.index_entries]
    if True not in hidden:
        return True
    shown = [number for number, is_hidden in enumerate(hidden) if not is_hidden]
    return bool(shown) and shown[-1] - shown[0] + 1 == len(shown)


def _packets_until(stream: Any, is_after: Callable[[int], bool]) -> tuple[list[int], list[int]]:
    """Presentation times of the keyframes up to a time, and of all packets until then, as stored.

    Demuxing without decoding takes a hundredth of the time of decoding.

    Returns:
        ([], []) where times do not identify packets: they are missing, or two recordings were joined.
    """
    keyframes, order = [], []
    try:
        for packet in stream.container.demux(stream):
            if packet.pts is None:
                break
            if packet.size and not packet.is_discard:
                order.append(packet.pts)
                if packet.is_keyframe and not is_after(packet.pts):
                    keyframes.append(packet.pts)
            # Nothing is shown before it is decoded, so no frame until then can follow.
            if packet.dts is not None and is_after(packet.dts):
                break
    except decode_failures():
        pass  # damage: reported when decoding reaches it
    return (keyframes, order) if len(set(order)) == len(order) else ([], [])
