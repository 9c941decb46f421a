"""Download one file over HTTP: retried, and resumed where it stopped.

Every download writes to a file of its own (`partial.py`), so that parallel downloads do not interfere. The caller gets
the file only after its hash was accepted.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from rtmcli import __version__
from rtmcli.errors import DataError
from rtmcli.zoo.download.partial import LARGEST, PartialFile, TooLarge

SLOWEST = 1000  # bytes per second; a slower server counts as not answering
_BLOCK = 1 << 18
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})  # status codes that may be temporary

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to retry and when to give up.

    Attributes:
        timeout: seconds without a byte after which a connection counts as lost.
        attempts: consecutive attempts at one URL without progress before giving it up.
        pause: seconds before the second attempt; doubled for each further one.
        max_pause: the longest pause in seconds, also where a server asks for more.
    """

    timeout: float = 30.0
    attempts: int = 4
    pause: float = 0.5
    max_pause: float = 30.0


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A complete file whose hash was accepted.

    Attributes:
        path: where it is, until the `with` block ends.
        sha256: its SHA-256 in hex.
    """

    path: Path
    sha256: str


class UrlFailed(Exception):
    """A URL gives no file. The message has the host and the reason.

    Attributes:
        host_down: the host does not answer at all, so that its other URLs will fail too.
    """

    def __init__(self, message: str, *, host_down: bool = False) -> None:
        super().__init__(message)
        self.host_down = host_down


@contextmanager
def download_file(
    url: str,
    folder: Path,
    name: str,
    *,
    check: Callable[[str], None],
    progress: Progress | None = None,
    retry: RetryPolicy | None = None,
) -> Iterator[Downloaded]:
    """Download one file, available until the `with` block ends: copy or rename it there.

    Args:
        url: where the file is.
        folder: an existing folder for the partial file, where a later call finds it and continues.
        name: the file's name; partial files are found by it.
        check: called with the SHA-256 (hex) of the complete file; raises DataError where it is not the expected one.
        progress: called with the number of bytes received and the total (None if the server does not say).
        retry: when to retry and when to give up.

    Raises:
        UrlFailed: the URL gave no complete file.
        DataError: `check` refused the file.
    """
    with PartialFile.open(folder, name) as part:
        try:
            _download(url, part, progress, retry or RetryPolicy())
        except _Failed as error:
            kept = " (the part received is kept)" if part.keep_if_useful() else ""
            raise UrlFailed(f"{_host(url)} {error}{kept}", host_down=error.host_down) from None
        digest = part.digest()
        try:
            check(digest)
        except DataError:
            part.discard()
            raise
        try:
            yield Downloaded(part.path, digest)
        finally:
            part.discard()


def _download(url: str, part: PartialFile, progress: Progress | None, retry: RetryPolicy) -> None:
    """Try one URL until the file is complete. Raises _Failed where there is no progress."""
    part.use(url)
    failures, most = 0, part.size
    while True:
        try:
            _receive(url, part, progress, retry.timeout)
            return
        except _Retryable as problem:
            failures = 0 if part.size > most and not problem.slow else failures + 1
            most = max(most, part.size)
            if failures >= retry.attempts:
                raise _Failed(str(problem), host_down=problem.host_down) from None
            wait = problem.wait if problem.wait is not None else retry.pause * 2 ** max(failures - 1, 0)
            time.sleep(min(wait, retry.max_pause))


def _receive(url: str, part: PartialFile, progress: Progress | None, timeout: float) -> None:
    """One connection: from the bytes received so far to the end of the file."""
    request = urllib.request.Request(
        url, headers={"User-Agent": f"rtm/{__version__}", "Accept-Encoding": "identity"}
    )
    if part.size and part.tag:
        request.add_header("Range", f"bytes={part.size}-")
        # A file that changed on the server since is sent from its start.
        request.add_header("If-Range", part.tag)
    try:
        with _OPENER.open(request, timeout=timeout) as response:
            _begin(response, part)
            since, base = time.monotonic(), part.size
            while block := response.read1(_BLOCK):
                part.write(block)
                if progress is not None:
                    progress(part.size, part.total)
                if time.monotonic() - since > timeout:
                    if part.size - base < SLOWEST * timeout:
                        raise _Retryable(f"sends less than {SLOWEST} bytes per second", slow=True)
                    since, base = time.monotonic(), part.size
    except TooLarge as error:
        raise _Failed(f"sends more than {error} bytes; no model is that large") from None
    except urllib.error.HTTPError as error:
        _explain_status(error, part)
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(error, part, timeout) from None
    if part.total is not None and part.size != part.total:
        raise _Retryable(f"stopped after {part.size} of {part.total} bytes")


def _begin(response: HTTPResponse, part: PartialFile) -> None:
    """Read the headers of a response: continue at the right offset, or start again."""
    if response.headers.get_content_type() == "text/html":
        raise _Failed("answered with a web page instead of the file")
    length = response.headers.get("Content-Length", "")
    rest = int(length) if length.isdigit() else None
    if response.status == 206:
        first, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if first.partition("-")[0] != str(part.size):
            part.clear()
            raise _Retryable("answered with another part of the file than requested")
        part.total = int(total) if total.isdigit() else (part.size + rest if rest is not None else None)
    else:
        part.clear()
        part.total = rest
    tag = response.headers.get("ETag", "")
    part.tag = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
    if part.total is not None and part.total > LARGEST:
        raise _Failed(f"offers {part.total} bytes; no model is that large")
    part.remember()


def _explain_status(error: urllib.error.HTTPError, part: PartialFile) -> None:
    with error:
        if error.code == 416:
            if part.size and error.headers.get("Content-Range", "") == f"bytes */{part.size}":
                # The file is complete: the last download was killed after its last byte.
                return
            part.clear()
            raise _Retryable("refused to continue where the last attempt ended")
        if error.code in _RETRIED:
            seconds = error.headers.get("Retry-After", "")
            wait = float(seconds) if seconds.isdigit() else None
            raise _Retryable(f"answered {error.code} {error.reason}", wait=wait)
        raise _Failed(f"answered {error.code} {error.reason}")


def _unreachable(error: Exception, part: PartialFile, timeout: float) -> Exception:
    """Whether a failed connection is worth another attempt, with its reason in words."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return _Retryable(f"sent nothing for {timeout:g} s after {part.size} bytes", host_down=True)
    if "CERTIFICATE" in str(reason).upper():
        return _Failed(f"has no valid certificate ({getattr(reason, 'verify_message', reason)})")
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return _Retryable(f"cannot be reached: {text}", host_down=True)


class _Retryable(Exception):
    """An attempt failed that may succeed later.

    Attributes:
        wait: the seconds that the server asked for, None where it did not.
        slow: the connection was too slow, so that bytes received do not count as progress.
        host_down: the host did not answer.
    """

    def __init__(
        self, message: str, wait: float | None = None, *, slow: bool = False, host_down: bool = False
    ) -> None:
        super().__init__(message)
        self.wait, self.slow, self.host_down = wait, slow, host_down


class _Failed(Exception):
    """No further attempt at this URL makes sense. `host_down`: nor at others of its host."""

    def __init__(self, message: str, *, host_down: bool = False) -> None:
        super().__init__(message)
        self.host_down = host_down


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to https, and to http only from http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.startswith("https://") and not (newurl.startswith("http://") and req.type == "http"):
            raise _Failed(f"redirects to {newurl.split('?')[0]}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.OpenerDirector()
for _handler in (
    urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler, _Redirects,
    urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPErrorProcessor, urllib.request.UnknownHandler,
):  # fmt: skip
    _OPENER.add_handler(_handler())


def _host(url: str) -> str:
    return url.split("/")[2] if url.count("/") > 1 else url
