"""The card inside an ONNX file, read and written without an ONNX library or a runtime.

An ONNX file is one protobuf message, ModelProto (onnx/onnx.proto). Its field `metadata_props` holds pairs of key and
value. The other fields, weights included, are skipped by their length.
"""

import mmap
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.zoo.card import METADATA_KEY, Card
from rtmcli.zoo.protobuf import read_fields, write_field

GRAPH, METADATA_PROPS, KEY, VALUE = 7, 14, 1, 2  # field numbers in onnx.proto


def read_card(path: Path) -> Card | None:
    """The card of an ONNX file, None where it carries none. Raises DataError for a file that is not ONNX."""
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty; expected an ONNX model; download it again")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            for number, value in read_fields(data):
                if number != METADATA_PROPS or not isinstance(value, slice):
                    continue
                pair = {
                    field: data[where]
                    for field, where in read_fields(data, value.start, value.stop)
                    if isinstance(where, slice)
                }
                if pair.get(KEY) == METADATA_KEY.encode():
                    return Card.from_json(pair[VALUE].decode())
        except (IndexError, KeyError, UnicodeDecodeError):
            raise DataError(
                f"{path}: is not an ONNX model, or is damaged; download or export it again"
            ) from None
    return None


def append_card(path: Path, card: Card) -> None:
    """Write a card into an ONNX file, unless it carries one already.

    A repeated field may stand anywhere in a protobuf message, so the pair is appended to the file.
    Raises DataError for a file that is not an ONNX model, or is truncated.
    """
    if read_card(path) is not None:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if all(number != GRAPH for number, _ in read_fields(data)):
            raise DataError(f"{path}: contains no network; download it again")
    pair = write_field(KEY, METADATA_KEY.encode()) + write_field(VALUE, card.to_json().encode())
    with path.open("ab") as end:
        end.write(write_field(METADATA_PROPS, pair))
