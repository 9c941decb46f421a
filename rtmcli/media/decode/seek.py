"""Seek in a video and still know every frame's number, by counting the packets before it."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, BinaryIO

from rtmcli.media.decode.container import decode_failures, open_container

# Keyframes to try when a container does not land on the one it was asked for.
_TRIES = 3


def seek_keyframe(
    container: Any, stream: Any, file: str | BinaryIO, name: str, start: int
) -> tuple[int, Iterator[Any]] | None:
    """Seek to the last keyframe at or before `start`.

    Args:
        container, stream: opened; the position changes, whatever is returned.
        start: in the stream's ticks, rounded up.

    Returns:
        The number of the keyframe in the source and the packets from it on; None where it is not certain that a
        keyframe was reached.
    """
    keyframes, order = packets_until(start, file, name, stream.index)
    for keyframe in keyframes[: -_TRIES - 1 : -1]:
        with suppress(StopIteration, *decode_failures()):
            container.seek(keyframe, stream=stream)
            packets = container.demux(stream)
            first = next(packets)
            # A demuxer may land elsewhere; what matters is to know where.
            if first.is_keyframe and first.pts in order and first.pts <= start:
                return order.index(first.pts), chain([first], packets)
    return None


def packets_until(start: int, file: str | BinaryIO, name: str, stream: int) -> tuple[list[int], list[int]]:
    """Presentation times of the keyframes at or before `start`, and of all packets until then, as stored.

    Opens the file again and decodes nothing, which takes a hundredth of the time of decoding.

    Args:
        start: in the stream's ticks, rounded up.
        stream: index of the video stream.

    Returns:
        ([], []) where times do not identify packets: they are missing, or two recordings were joined.
    """
    keyframes, order = [], []
    scan = open_container(file, name)
    try:
        for packet in scan.demux(scan.streams[stream]):
            if packet.pts is None:
                break
            if not packet.is_discard:
                order.append(packet.pts)
                if packet.is_keyframe and packet.pts <= start:
                    keyframes.append(packet.pts)
            # Nothing is shown before it is decoded, so no frame before `start` can follow.
            if packet.dts is not None and packet.dts >= start:
                break
    except decode_failures():
        pass  # damage: reported when decoding reaches it
    finally:
        scan.close()
    return (keyframes, order) if len(set(order)) == len(order) else ([], [])
