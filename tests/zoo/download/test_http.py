"""A file comes whole or not at all, whatever the server does: against a real one on this machine."""

import hashlib
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmcli.errors import DataError
from rtmcli.zoo.download import http as module
from rtmcli.zoo.download import partial
from rtmcli.zoo.download.http import RetryPolicy, UrlFailed, download_file
from tests.helpers.zoo_server import Answer, Server, dripping, first_then, lying, page, serving, status, whole

CONTENT = bytes(range(256)) * 4000  # 1 MB
SHORT = RetryPolicy(timeout=1.0, attempts=3, pause=0.01, max_pause=0.1)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def agree(digest: str) -> None:
    if digest != hashlib.sha256(CONTENT).hexdigest():
        raise DataError("other bytes")


def fetch(folder: Path, url: str) -> bytes:
    with download_file(url, folder, "file.zip", check=agree, retry=SHORT) as got:
        assert got.sha256 == hashlib.sha256(got.path.read_bytes()).hexdigest()
        return got.path.read_bytes()


def test_a_file_comes_whole_and_nothing_is_left_behind(server: Server, tmp_path: Path) -> None:
    server.answers["/f"] = whole(CONTENT)
    assert fetch(tmp_path, server.url("/f")) == CONTENT
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(whole(CONTENT, cut_after=300_000), id="the connection breaks again and again"),
        pytest.param(
            first_then(whole(CONTENT, cut_after=300_000, stall=3), whole(CONTENT)), id="it falls silent"
        ),
        pytest.param(first_then(status(503), whole(CONTENT), 2), id="503 twice"),
        pytest.param(first_then(status(429, Retry_After="0"), whole(CONTENT)), id="too many requests"),
        pytest.param(
            first_then(lying(CONTENT, len(CONTENT) + 99), whole(CONTENT)), id="longer said than sent"
        ),
    ],
)
def test_a_fault_that_passes_is_outlived(answer: Answer, server: Server, tmp_path: Path) -> None:
    server.answers["/f"] = answer
    assert fetch(tmp_path, server.url("/f")) == CONTENT


def test_what_is_here_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    server.answers["/f"] = first_then(whole(CONTENT, cut_after=400_000), whole(CONTENT))
    fetch(tmp_path, server.url("/f"))
    assert server.asked == [("/f", None), ("/f", "bytes=400000-")]


def test_a_later_pull_goes_on_where_one_gave_up(server: Server, tmp_path: Path) -> None:
    server.answers["/f"] = first_then(whole(CONTENT, cut_after=400_000), status(503), 1)
    with pytest.raises(UrlFailed, match=r"answered 503 .* \(the part received is kept\)"):
        fetch(tmp_path, server.url("/f"))
    server.answers["/f"] = whole(CONTENT)
    server.asked.clear()
    assert fetch(tmp_path, server.url("/f")) == CONTENT
    assert server.asked == [("/f", "bytes=400000-")]


def test_a_file_that_changed_meanwhile_comes_from_its_start(server: Server, tmp_path: Path) -> None:
    old = bytes(len(CONTENT))
    server.answers["/f"] = first_then(whole(old, cut_after=400_000), whole(CONTENT))
    assert fetch(tmp_path, server.url("/f")) == CONTENT


def test_a_refused_range_starts_again(server: Server, tmp_path: Path) -> None:
    cut = whole(CONTENT, cut_after=400_000)
    server.answers["/f"] = first_then(cut, first_then(status(416), whole(CONTENT)))
    assert fetch(tmp_path, server.url("/f")) == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=400000-", None]


def test_a_pull_that_was_killed_at_its_very_end_needs_no_byte_more(server: Server, tmp_path: Path) -> None:
    server.answers["/f"] = whole(CONTENT)
    with (
        pytest.raises(KeyboardInterrupt),
        download_file(server.url("/f"), tmp_path, "file.zip", check=interrupt, retry=SHORT),
    ):
        pass
    server.asked.clear()
    assert fetch(tmp_path, server.url("/f")) == CONTENT
    assert server.asked == [("/f", f"bytes={len(CONTENT)}-")]


def interrupt(digest: str) -> None:
    raise KeyboardInterrupt


def test_bytes_of_two_urls_are_never_mixed(server: Server, tmp_path: Path) -> None:
    other = bytes(reversed(CONTENT))
    server.answers["/a"] = first_then(whole(other, cut_after=400_000), status(404))
    server.answers["/b"] = whole(CONTENT)
    with pytest.raises(UrlFailed, match="the part received is kept"):
        fetch(tmp_path, server.url("/a"))
    assert fetch(tmp_path, server.url("/b")) == CONTENT


@pytest.mark.parametrize("answer", [status(404), page()])
def test_an_error_that_is_not_temporary_is_not_retried(
    answer: Answer, server: Server, tmp_path: Path
) -> None:
    server.answers["/f"] = answer
    with pytest.raises(UrlFailed):
        fetch(tmp_path, server.url("/f"))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(404), "answered 404"),
        (status(503), "answered 503"),
        (status(416), "refused to continue"),
        (page(), "a web page instead of the file"),
        (lying(CONTENT, len(CONTENT) + 99), f"stopped after {len(CONTENT)} of {len(CONTENT) + 99} bytes"),
        (lying(b"", 1 << 40), "no model is that large"),
        (whole(CONTENT, cut_after=0, stall=3), "sent nothing for 1 s"),
        (dripping(CONTENT, 0.02), "sends less than 1000 bytes per second"),
    ],
)
def test_a_fault_that_stays_is_one_sentence_with_the_way_out(
    answer: Answer, said: str, server: Server, tmp_path: Path
) -> None:
    server.answers["/f"] = answer
    with pytest.raises(UrlFailed, match=r"^127.0.0.1:\d+ ") as error:
        fetch(tmp_path, server.url("/f"))
    assert said in str(error.value)


def test_a_server_that_is_not_there_is_said_so(server: Server, tmp_path: Path) -> None:
    with serving() as gone:
        address = gone.url("/f")
    with pytest.raises(UrlFailed, match="cannot be reached: Connection refused"):
        fetch(tmp_path, address)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_hash_from_everywhere_is_bad_data_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.answers["/f"] = whole(CONTENT[:-1] + b"!")
    with pytest.raises(DataError, match="other bytes"):
        fetch(tmp_path, server.url("/f"))
    assert list(tmp_path.iterdir()) == []


def test_less_said_than_sent_is_found_by_the_hash(server: Server, tmp_path: Path) -> None:
    server.answers["/f"] = lying(CONTENT, len(CONTENT) - 5)
    with pytest.raises(DataError, match="other bytes"):
        fetch(tmp_path, server.url("/f"))


def test_a_flood_without_an_end_is_stopped(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial, "LARGEST", 100_000)
    server.answers["/f"] = whole(CONTENT)
    with pytest.raises(UrlFailed, match="no model is that large"):
        fetch(tmp_path, server.url("/f"))


def test_redirects_are_followed(server: Server, tmp_path: Path) -> None:
    server.answers["/old"] = status(302, Location="/f")
    server.answers["/f"] = whole(CONTENT, cut_after=300_000)
    assert fetch(tmp_path, server.url("/old")) == CONTENT


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/f"])
def test_a_redirect_off_the_web_is_not_followed(place: str, server: Server, tmp_path: Path) -> None:
    server.answers["/f"] = status(302, Location=place)
    with pytest.raises(UrlFailed, match=r"^127\.0\.0\.1:"):
        fetch(tmp_path, server.url("/f"))


def test_two_pulls_of_one_file_do_not_meet(server: Server, tmp_path: Path) -> None:
    server.answers["/f"] = whole(CONTENT, cut_after=100_000)
    got: list[bytes] = []
    pulls = [
        threading.Thread(target=lambda: got.append(fetch(tmp_path, server.url("/f"))), daemon=True)
        for _ in range(4)
    ]
    for pull in pulls:
        pull.start()
    for pull in pulls:
        pull.join(20)
    assert got == [CONTENT] * 4
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_from_tls_to_plain_text_is_not_followed() -> None:
    request = urllib.request.Request("https://host/file")
    with pytest.raises(Exception, match="redirects to http://elsewhere/file, which is not https"):
        module._Redirects().redirect_request(request, None, 302, "", {}, "http://elsewhere/file?token=1")
