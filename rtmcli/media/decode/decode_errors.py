"""What demuxers and decoders say about damage: some raise an error, some leave a message and go on."""

from collections.abc import Iterable, Iterator
from typing import Any

from rtmcli.media.decode.container import errors

# What decoders complain about although the picture is whole: notes beside it that are cut off, as some cameras write
# them, and references that are let go twice or too late.
_HARMLESS = (
    "SEI type",
    "mmco:",
    "Invalid mmco",
    "number of reference frames",
    "Truncating likely oversized PPS",
)


def watched_packets(
    packets: Iterator[Any], stream: Any, own: str, *, heed: bool
) -> Iterator[tuple[Any, bool]]:
    """Packets of a video stream, and whether the demuxer met damage on the way to each.

    Args:
        packets: as the demuxer gives them.
        own: name of the demuxer, with which it signs its messages.
        heed: whether a message counts as damage, or an error alone.
    """
    import av

    while True:
        trouble = False
        with av.logging.Capture() as messages:
            try:
                packet = next(packets, None)
            except errors():
                # The demuxer gives up; what the decoder still holds is asked for by an empty packet.
                packet, trouble = av.Packet(), True
                packet.stream = stream
                packets = iter(())
        # A Matroska file that was cut says so in a message and nowhere else; nobody signs that of a packet.
        told = any(name == own or text.startswith("Truncating packet") for _, name, text in messages)
        if packet is None:
            return
        yield packet, trouble or (told and heed)


def watched_frames(packet: Any) -> tuple[Iterable[Any], bool, bool]:
    """The frames that a packet brings out; whether its decoder failed; whether it complained of damage."""
    import av

    with av.logging.Capture() as messages:
        try:
            frames = packet.decode()
        except errors():
            return [], True, True
    return frames, False, any(not text.startswith(_HARMLESS) for _, _, text in messages)
