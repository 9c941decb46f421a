"""The card inside an ONNX file, read without an ONNX library or a runtime.

An ONNX file is one protobuf message, ModelProto; its field 14, `metadata_props`, holds pairs of key (field 1) and
value (field 2). Everything else, the weights above all, is stepped over by its length.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.zoo.card import METADATA_KEY, Card

METADATA_PROPS, KEY, VALUE = 14, 1, 2  # field numbers of onnx.proto
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
