"""One file over HTTP: resumed where it stopped, tried again, from the next address where one fails.

Every pull writes to a file of its own (`partial.py`), so that two pulls never meet. Nobody gets to see the file before
its hash has been agreed to.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from rtmcli import __version__
from rtmcli.errors import DataError, MissingError
from rtmcli.zoo.download.partial import LARGEST, Part, TooLarge

SLOWEST = 1000  # bytes a second; below, an address counts as silent
_BLOCK = 1 << 18
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # worth another try

Watch = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to try.

    Attributes:
        timeout: seconds without a byte after which a connection counts as dead.
        attempts: tries of one address, one after the other, that bring nothing new.
        pause: seconds before the second try; it doubles each time.
        longest: the longest pause, also where a server asks for more.
    """

    timeout: float = 30.0
    attempts: int = 4
    pause: float = 0.5
    longest: float = 30.0


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A whole file that has been agreed to: where it lies, and its SHA-256 in hex."""

    path: Path
    sha256: str


@contextmanager
def downloaded(
    urls: Sequence[str],
    folder: Path,
    name: str,
    *,
    check: Callable[[str], None],
    watch: Watch | None = None,
    patience: Patience | None = None,
) -> Iterator[Downloaded]:
    """Fetch one file, for as long as the `with` block lasts: copy or rename it there.

    Args:
        urls: addresses of the same bytes, in the order to try them.
        folder: where to keep what comes, also for a later pull to go on with; it must be there.
        name: the file's name, under which a later pull finds what this one left.
        check: gets the SHA-256 (hex) of what came and raises DataError where it is not what was wanted.
        watch: called with the bytes that are here, and how many there will be (None where nobody says).
        patience: how long to try.

    Raises:
        MissingError: no address gave a whole file; the message has the reason of each.
        DataError: the last address that gave one gave another file than wanted.
    """
    with Part.open(folder, name) as part:
        digest = _from_any(urls, name, part, check, watch or _nobody, patience or Patience())
        try:
            yield Downloaded(part.path, digest)
        finally:
            part.discard()


def _from_any(
    urls: Sequence[str],
    name: str,
    part: Part,
    check: Callable[[str], None],
    watch: Watch,
    patience: Patience,
) -> str:
    """Fill `part` from the first address that has the right file; its SHA-256."""
    reasons: list[str] = []
    refused: DataError | None = None
    for url in urls:
        try:
            _fetch(url, part, watch, patience)
            digest = part.digest()
            check(digest)
            return digest
        except DataError as error:
            refused = error
            part.clear()
        except _Hopeless as error:
            reasons.append(f"{_host(url)} {error}")
    if refused is not None:
        part.discard()
        raise refused
    kept = " (what has come is kept)" if part.keep_if_useful() else ""
    raise MissingError(
        f"{name} cannot be fetched: {'; '.join(reasons)}; try again later{kept}, "
        "or bring it from a machine that has it with 'rtm models bundle'"
    )


def _fetch(url: str, part: Part, watch: Watch, patience: Patience) -> None:
    """Try one address until the file is whole. Raises _Hopeless where it makes no progress."""
    part.use(url)
    fruitless, most = 0, part.size
    while True:
        try:
            _receive(url, part, watch, patience.timeout)
            return
        except _Again as problem:
            fruitless = 0 if part.size > most and not problem.slow else fruitless + 1
            most = max(most, part.size)
            if fruitless >= patience.attempts:
                raise _Hopeless(str(problem)) from None
            wait = problem.wait if problem.wait is not None else patience.pause * 2 ** max(fruitless - 1, 0)
            time.sleep(min(wait, patience.longest))


def _receive(url: str, part: Part, watch: Watch, timeout: float) -> None:
    """One connection: from what is here to the end of the file."""
    request = urllib.request.Request(
        url, headers={"User-Agent": f"rtm/{__version__}", "Accept-Encoding": "identity"}
    )
    if part.size and part.tag:
        request.add_header("Range", f"bytes={part.size}-")
        request.add_header("If-Range", part.tag)  # a file that changed meanwhile comes from its start
    try:
        with _OPENER.open(request, timeout=timeout) as response:
            _begin(response, part)
            since, base = time.monotonic(), part.size
            while block := response.read1(_BLOCK):
                part.write(block)
                watch(part.size, part.total)
                if time.monotonic() - since > timeout:
                    if part.size - base < SLOWEST * timeout:
                        raise _Again(f"sends less than {SLOWEST} bytes a second", slow=True)
                    since, base = time.monotonic(), part.size
    except TooLarge as error:
        raise _Hopeless(f"sends more than {error} bytes; no model is that large") from None
    except urllib.error.HTTPError as error:
        _explain_status(error, part)
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(error, part, timeout) from None
    if part.total is not None and part.size != part.total:
        raise _Again(f"stopped after {part.size} of {part.total} bytes")


def _begin(response: HTTPResponse, part: Part) -> None:
    """Read the head of an answer: go on at the right place, or from the start."""
    if response.headers.get_content_type() == "text/html":
        raise _Hopeless("answered with a web page instead of the file")
    length = response.headers.get("Content-Length", "")
    rest = int(length) if length.isdigit() else None
    if response.status == 206:
        first, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if first.partition("-")[0] != str(part.size):
            part.clear()
            raise _Again("answered with another part of the file than asked for")
        part.total = int(total) if total.isdigit() else (part.size + rest if rest is not None else None)
    else:
        part.clear()
        part.total = rest
    tag = response.headers.get("ETag", "")
    part.tag = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
    if part.total is not None and part.total > LARGEST:
        raise _Hopeless(f"offers {part.total} bytes; no model is that large")
    part.remember()


def _explain_status(error: urllib.error.HTTPError, part: Part) -> None:
    with error:
        if error.code == 416:
            if part.size and error.headers.get("Content-Range", "") == f"bytes */{part.size}":
                return  # a pull that was killed at its very end: all of it is here
            part.clear()  # what is here is not the start of what is there
            raise _Again("refused to go on where the last try ended")
        if error.code in _PASSING:
            said = error.headers.get("Retry-After", "")
            raise _Again(
                f"answered {error.code} {error.reason}", wait=float(said) if said.isdigit() else None
            )
        raise _Hopeless(f"answered {error.code} {error.reason}")


def _unreachable(error: Exception, part: Part, timeout: float) -> Exception:
    """What a failed connection means for the next try."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return _Again(f"was silent for {timeout:g} s after {part.size} bytes")
    if "CERTIFICATE" in str(reason).upper():
        return _Hopeless(f"has no valid certificate ({getattr(reason, 'verify_message', reason)})")
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return _Again(f"cannot be reached: {text}")


class _Again(Exception):
    """This try failed; the next may not. `wait`: the seconds the server asked for; `slow`: what came does not count."""

    def __init__(self, message: str, wait: float | None = None, *, slow: bool = False) -> None:
        super().__init__(message)
        self.wait, self.slow = wait, slow


class _Hopeless(Exception):
    """This address gives nothing."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow to the web alone, and never from TLS to plain text."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.startswith("https://") and not (newurl.startswith("http://") and req.type == "http"):
            raise _Hopeless(f"points to {newurl.split('?')[0]}, which is less safe")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.OpenerDirector()
for _handler in (
    urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler, _Redirects,
    urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPErrorProcessor, urllib.request.UnknownHandler,
):  # fmt: skip
    _OPENER.add_handler(_handler())


def _host(url: str) -> str:
    return url.split("/")[2] if url.count("/") > 1 else url


def _nobody(received: int, total: int | None) -> None:
    """Nobody watches."""
