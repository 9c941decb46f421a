"""Source names: from the name in a record to the file, whatever bytes the file's name is made of.

A record is UTF-8 text, a file's name is bytes. Bytes that are not UTF-8 are written as `\\xNN` in records and messages,
which leads back to the file, and passes through every tool that reads JSON.
"""

import os
import re

# A protocol and what it addresses: `rtsp://host/path`. One letter is a drive.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_ESCAPED_BYTE = re.compile(rb"\\x([0-9a-f]{2})")


def is_address(name: str) -> bool:
    """Whether a name is an address with a protocol, as opposed to a path; an existing file is a path."""
    return _ADDRESS.match(name) is not None and not os.path.lexists(file_path(name))


def record_name(path: str) -> str:
    """A path as it stands in records and messages: valid Unicode, the same in every locale."""
    return _name_bytes(path).decode("utf-8", "backslashreplace")


def file_path(name: str) -> str:
    """The path that Python opens for a name of the command line or of a record; the file need not exist."""
    raw = _name_bytes(name)
    if b"\\x" in raw and not os.path.lexists(raw):
        unescaped = _ESCAPED_BYTE.sub(lambda match: bytes.fromhex(match[1].decode()), raw)
        if os.path.lexists(unescaped):
            raw = unescaped
    return os.fsdecode(raw)


def _name_bytes(name: str) -> bytes:
    """The bytes of a name: Python's stand-ins for bytes that it could not decode are turned back (PEP 383)."""
    return name.encode("utf-8", "surrogateescape")
