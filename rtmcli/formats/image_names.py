"""The names of images as files, records and label files have them, brought into one form."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

Parts = tuple[str, ...]

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_NUMBER = re.compile(r"(\d+)(\.[^.]*)?$")
# What hosts of data sets add to a stem: Roboflow `_jpg.rf.<hash>`, Label Studio `<hash>-` in front, others a hash or
# a UUID at the end, or the extension once more.
_ROBOFLOW = re.compile(r"[_-](?:jpe?g|png|bmp|webp|tiff?|gif|heic|avif)\.rf\.[0-9a-z]{6,}$", re.IGNORECASE)
_INSERTED = (
    _ROBOFLOW,
    re.compile(r"^[0-9a-f]{8}-(?=.)"),
    re.compile(r"[_-][0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE),
    re.compile(r"[._-](?=\d*[a-f])[0-9a-f]{8,}$", re.IGNORECASE),
    re.compile(r"[._-](?:jpe?g|png|bmp|webp|tiff?)$", re.IGNORECASE),
)
_SEPARATORS = re.compile(r"[\s._()-]+")
_EXTENSION = re.compile(r"\.[a-z][a-z0-9]{1,4}$", re.IGNORECASE)


def path_parts(name: Any) -> Parts:
    """The parts of a path with either separator, or of the path of an address."""
    text = str(name)
    if _ADDRESS.match(text):
        text = unquote(urlsplit(text).path)
    text = unicodedata.normalize("NFC", text)  # macOS decomposes letters with accents
    return tuple(part for part in text.replace("\\", "/").split("/") if part not in ("", "."))


def is_address(name: Any) -> bool:
    """Whether a name is a URL."""
    return bool(_ADDRESS.match(str(name)))


def listing(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def trailing_number(name: str) -> int | None:
    """The number that a name ends in before its extension: 785 of 000000000785.jpg."""
    digits = _NUMBER.search(name)
    return int(digits[1]) if digits else None


def folded(base: str) -> str:
    """A base name without extension and letter case."""
    return _EXTENSION.sub("", unquote(base)).casefold()


def without_host_suffix(base: str) -> str:
    """A base name without extension, letter case and Roboflow's suffix."""
    return _ROBOFLOW.sub("", folded(base))


def similar_stem(base: str) -> str:
    """A base name without all that tools change: extension, letter case, separators, what hosts insert."""
    stem = folded(base)
    for pattern in _INSERTED:
        stem = pattern.sub("", stem)
    return _SEPARATORS.sub("_", stem)
