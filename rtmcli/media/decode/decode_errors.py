"""What demuxers and decoders report about damage: some raise an error, some leave a message and go on."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from rtmcli.media.decode.container import decode_failures

# Messages of decoders about streams that decode without loss: supplemental data (SEI) that some cameras cut off, and
# references that are released twice or too late.
_HARMLESS = (
    "SEI type",
    "mmco:",
    "Invalid mmco",
    "number of reference frames",
    "Truncating likely oversized PPS",
)
# FFmpeg's error at the end of what a web server sent without stating its size (2^64 - 1 stands for none).
_NO_SIZE = "should be 18446744073709551615"
# What stopped a demuxer: damage (or a broken connection), or that nothing came in time; empty where nothing did.
Failure = Literal["", "damage", "timeout"]

# Metadata beside the image, which some writers leave incomplete.
_METADATA = ("EXIF", "ICC profile", "APP fields")


def demux_packets(
    packets: Iterator[Any], stream: Any, demuxer: str, *, heed_messages: bool
) -> Iterator[tuple[Any, Failure]]:
    """Packets of a video stream, and what went wrong on the way to each.

    Args:
        packets: as the demuxer gives them.
        demuxer: its name, with which it signs its messages.
        heed_messages: whether a message counts as damage, or an error alone.
    """
    import av

    while True:
        failed: Failure = ""
        with av.logging.Capture() as messages:
            try:
                packet = next(packets, None)
            except decode_failures() as error:
                # The demuxer gives up; an empty packet makes the decoder give what it still holds. A multipart stream
                # ends this way: where no boundary follows.
                packet = av.Packet()
                if isinstance(error, av.error.ExitError):
                    failed = "timeout"
                elif demuxer != "mpjpeg" and not any(_NO_SIZE in text for _, _, text in messages):
                    failed = "damage"
                packet.stream = stream
                packets = iter(())
        # A truncated Matroska file shows in a message only; the message about a truncated packet has no demuxer's name.
        complained = any(
            name == demuxer or text.startswith("Truncating packet") for _, name, text in messages
        )
        if packet is None:
            return
        if packet.size == 0 and packet.dts is not None:
            # A sample without data stands for a dropped frame. A decoder would take it for the end.
            continue
        yield packet, failed or ("damage" if complained and heed_messages else "")


def decode_packet(packet: Any) -> tuple[Iterable[Any], bool, bool]:
    """The frames that a packet brings out; whether its decoder failed; whether it left a message about damage."""
    import av

    with av.logging.Capture() as messages:
        try:
            frames = packet.decode()
        except decode_failures():
            return [], True, True
    return frames, False, any(_tells_damage(text) for _, _, text in messages)


def _tells_damage(message: str) -> bool:
    return not message.startswith(_HARMLESS) and not any(word in message for word in _METADATA)
