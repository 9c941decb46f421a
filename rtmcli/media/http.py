"""Requests to web servers, with verified certificates."""

import os
import ssl
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, cast

from rtmcli.credentials import public_address
from rtmcli.errors import DataError
from rtmcli.media.connection import OPEN_SECONDS
from rtmcli.media.names import file_path, record_name

if TYPE_CHECKING:
    from urllib.request import Request

# An image at an address is held in memory.
_MAX_FETCHED = 1 << 30
# Where systems keep the certificates of authorities, beside the place that this Python was built with.
_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def request(
    address: str, *, insecure: bool, timeout: float = OPEN_SECONDS, headers: dict[str, str] | None = None
) -> HTTPResponse:
    """The answer of a web server, to be read and closed.

    Args:
        insecure: accept any certificate.

    Raises:
        DataError: it cannot be reached, refuses, or its certificate cannot be verified.
    """
    from urllib.request import urlopen

    name = public_address(address)
    try:
        asked = _request(file_path(address))
        for key, value in (headers or {}).items():
            asked.add_header(key, value)
        return cast(HTTPResponse, urlopen(asked, timeout=timeout, context=_context(insecure)))
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise bad_certificate(name, reason.verify_message) from None
        raise DataError(f"{name}: cannot be opened ({error}); check the address") from None


def fetch_bytes(address: str, *, insecure: bool = False) -> bytes:
    """An image file at an http or https address. Raises DataError where it cannot be read."""
    name = record_name(address)
    with request(address, insecure=insecure) as response:
        try:
            content: bytes = response.read(_MAX_FETCHED + 1)
        except (OSError, HTTPException) as error:
            raise DataError(f"{name}: cannot be read ({error}); get it again") from None
    if len(content) > _MAX_FETCHED:
        raise DataError(f"{name}: more than {_MAX_FETCHED >> 20} MB; download it first")
    return content


def bad_certificate(name: str, reason: str) -> DataError:
    """The error for a server whose certificate cannot be verified."""
    return DataError(
        f"{name}: the server's certificate cannot be verified ({reason}); if you trust the server, name the file of "
        "its certificate authority in the environment variable SSL_CERT_FILE, or accept any certificate with --insecure"
    )


def tls_options(*, insecure: bool) -> dict[str, str]:
    """The same for FFmpeg's protocols, which verify nothing by themselves and may know no authorities."""
    if insecure:
        return {"tls_verify": "0"}
    found = ca_file()
    return {"tls_verify": "1"} | ({} if found is None else {"ca_file": found})


@cache
def ca_file() -> str | None:
    """The certificates of the authorities that this system trusts, as a file; None where there is none."""
    own = ssl.get_default_verify_paths().cafile
    for path in (own, *_CA_FILES):
        if path is not None and os.path.isfile(path):
            return path
    try:
        import certifi
    except ImportError:
        return None
    return str(certifi.where())


@cache
def _context(insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file())
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _request(address: str) -> "Request":
    """A request to an address, whose user name and password go into a header, to its own host alone."""
    from base64 import b64encode
    from urllib.parse import unquote, urlsplit, urlunsplit
    from urllib.request import Request

    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    asked = Request(urlunsplit(parts._replace(netloc=host)))
    if at:
        header = "Basic " + b64encode(unquote(user).encode()).decode()
        asked.add_unredirected_header("Authorization", header)
    return asked
