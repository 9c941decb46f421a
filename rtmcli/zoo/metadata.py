"""The card inside an ONNX file, read and written without an ONNX library or a runtime.

An ONNX file is one protobuf message, ModelProto; its field 14, `metadata_props`, holds pairs of key (field 1) and
value (field 2). Everything else, the weights above all, is stepped over by its length.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.zoo.card import METADATA_KEY, Card

GRAPH, METADATA_PROPS, KEY, VALUE = 7, 14, 1, 2  # field numbers of onnx.proto
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # protobuf's wire types


def read_card(path: Path) -> Card | None:
    """The card of an ONNX file, None where it carries none. Raises DataError for a file that is not ONNX."""
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty, not an ONNX model; fetch it again")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            for number, start, end in _fields(data, 0, len(data)):
                if number == METADATA_PROPS:
                    pair = {field: bytes(data[a:b]) for field, a, b in _fields(data, start, end)}
                    if pair.get(KEY) == METADATA_KEY.encode():
                        return Card.from_json(pair[VALUE].decode())
        except (IndexError, KeyError, UnicodeDecodeError):
            raise DataError(f"{path}: is not an ONNX model, or a damaged one; fetch it again") from None
    return None


def append_card(path: Path, card: Card) -> None:
    """Write a card into an ONNX file; one that carries a card is left as it is.

    A repeated field may stand anywhere in a protobuf message: one more pair is put at the end of the file.
    Raises DataError for a file that is not ONNX, or not a whole one.
    """
    if read_card(path) is not None:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if all(number != GRAPH for number, _, _ in _fields(data, 0, len(data))):
            raise DataError(f"{path}: holds no network; fetch it again")
    pair = _bytes_field(KEY, METADATA_KEY.encode()) + _bytes_field(VALUE, card.to_json().encode())
    with path.open("ab") as end:
        end.write(_bytes_field(METADATA_PROPS, pair))


def _bytes_field(number: int, content: bytes) -> bytes:
    return _number(number << 3 | BYTES) + _number(len(content)) + content


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(number, start, end) of the length-delimited fields of the message in data[start:end]."""
    at = start
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            _, at = _varint(data, at)
        elif wire == BYTES:
            length, at = _varint(data, at)
            if at + length > end:
                raise IndexError
            yield number, at, at + length
            at += length
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        else:
            raise IndexError


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """The number that starts at `at`, seven bits a byte, lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise IndexError
