"""Which packets come before a frame in the middle: what it takes to begin there and still know every frame's number."""

from typing import BinaryIO

from rtmcli.media.container import errors, open_container


def packets_until(start: int, file: str | BinaryIO, name: str, stream: int) -> tuple[list[int], list[int]]:
    """Presentation times of the keyframes at or before `start`, and of all packets until then, as stored.

    Reads with a reader of its own and decodes nothing, so it takes a hundredth of the time.

    Args:
        start: in the stream's ticks, rounded up.
        stream: index of the video stream.

    Returns:
        ([], []) where the times do not tell the packets apart: there are none, or two recordings were joined.
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
    except errors():
        pass  # damage: told when it is reached in decoding
    finally:
        scan.close()
    return (keyframes, order) if len(set(order)) == len(order) else ([], [])
