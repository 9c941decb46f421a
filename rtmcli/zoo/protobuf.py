"""Fields of a protobuf message (protobuf.dev/programming-guides/encoding), read without copying the file."""

import mmap
from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5  # wire types


def read_fields(
    data: mmap.mmap | memoryview | bytes, start: int = 0, end: int | None = None
) -> Iterator[tuple[int, int | slice]]:
    """(field number, value) of each field of the message in `data[start:end]`.

    A varint's value is the number, signed as 64 bits. All other values are the slice of `data` that holds the bytes:
    a string, a submessage, a packed list, or 4 or 8 bytes of a fixed number.

    Raises:
        IndexError: the message is truncated or is no protobuf message.
    """
    end = len(data) if end is None else end
    at = start
    while at < end:
        tag, at = read_varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value, at = read_varint(data, at)
            yield number, value
            continue
        if wire_type == LENGTH:
            length, at = read_varint(data, at)
        elif wire_type in (FIXED64, FIXED32):
            length = 8 if wire_type == FIXED64 else 4
        else:
            raise IndexError(f"wire type {wire_type}")
        if length < 0 or at + length > end:
            raise IndexError(f"field {number} ends after the message")
        yield number, slice(at, at + length)
        at += length


def read_varint(data: mmap.mmap | memoryview | bytes, at: int) -> tuple[int, int]:
    """The number that starts at `at`, and where it ends: 7 bits a byte, lowest first. Raises IndexError."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            # Negative numbers are written as 64 bits.
            return (value - (1 << 64) if value >> 63 else value), at
        if shift > 63:
            raise IndexError("varint of more than 10 bytes")


def write_field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return _write_varint(number << 3 | LENGTH) + _write_varint(len(content)) + content


def _write_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
