"""Source names: from the name in a record to the file, whatever bytes the file's name is made of.

A record is UTF-8 text, a file's name is bytes. Bytes that are not UTF-8 are written as `\\xNN` in records and messages,
which leads back to the file, and passes through every tool that reads JSON.

Records and messages name an address without its credentials. This process remembers them, so that the name leads back
to the address.
"""

import os
import re
from collections.abc import Mapping

from rtmcli.credentials import public_address

# A protocol and what it addresses: `rtsp://host/path`. One letter is a drive.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# Name in records -> the address with its credentials. It is never written anywhere.
_addresses: dict[str, str] = {}
_ESCAPED_BYTE = re.compile(rb"\\x([0-9a-f]{2})")


def is_address(name: str) -> bool:
    """Whether a name is an address with a protocol, as opposed to a path; an existing file is a path."""
    return _ADDRESS.match(name) is not None and not os.path.lexists(file_path(name))


def record_name(path: str) -> str:
    """A path or address in records and messages: valid Unicode, the same in every locale, without credentials."""
    name = _name_bytes(path).decode("utf-8", "backslashreplace")
    if not is_address(name):
        return name
    public = public_address(name)
    if public != name:
        _addresses[public] = name
    return public


def file_path(name: str) -> str:
    """The path or address to open for a name of the command line or of a record; the file need not exist."""
    if name in _addresses:
        return _addresses[name]
    raw = _name_bytes(name)
    if b"\\x" in raw and not os.path.lexists(raw):
        unescaped = _ESCAPED_BYTE.sub(lambda match: bytes.fromhex(match[1].decode()), raw)
        if os.path.lexists(unescaped):
            raw = unescaped
    return os.fsdecode(raw)


def secret_addresses() -> Mapping[str, str]:
    """The addresses with credentials that this process knows by their names, for `know_addresses` in another one."""
    return dict(_addresses)


def know_addresses(addresses: Mapping[str, str]) -> None:
    """Open these names at the addresses that another process knows."""
    _addresses.update(addresses)


def _name_bytes(name: str) -> bytes:
    """The bytes of a name: Python's stand-ins for bytes that it could not decode are turned back (PEP 383)."""
    return name.encode("utf-8", "surrogateescape")
