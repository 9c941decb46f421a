"""The live page: who may read it, and what it sends."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse

import numpy as np
import pytest

from rtmcli.errors import RtmError
from rtmcli.records.ndjson import encode_frame
from rtmcli.view.live import LivePage
from tests.helpers.posed import frame, person


@pytest.fixture
def page() -> Iterator[LivePage]:
    with LivePage() as page:
        yield page


def get(address: str, **headers: str) -> HTTPResponse:
    return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10)


def status(address: str, **headers: str) -> int:
    try:
        return int(get(address, **headers).status)
    except urllib.error.HTTPError as error:
        return error.code


def next_event(stream: HTTPResponse) -> dict:
    while not (line := stream.readline()).startswith(b"data: "):
        assert line, "the stream has ended"
    return json.loads(line[6:])


def test_the_address_is_of_this_machine_and_different_each_time(page: LivePage) -> None:
    assert page.address.startswith("http://127.0.0.1:")
    with LivePage() as other:
        assert other.address.split("/")[3] != page.address.split("/")[3]
        assert len(other.address.split("/")[3]) >= 20


def test_only_the_token_and_this_machines_name_open_the_page(page: LivePage) -> None:
    page.show(frame(0, person(5, 5)), np.zeros((128, 192, 3), np.uint8))
    root = page.address.rsplit("/", 2)[0]
    for name in ("", "events", "image", "skeletons"):
        assert status(f"{root}/wrong-token/{name}") == 404
        assert status(f"{page.address}{name}", Host="rebound.example") == 404
    assert status(root + "/") == 404 and status(f"{page.address}other") == 404
    answer = get(page.address)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert b"default-src 'none'" in answer.read()


def test_records_come_as_events_with_their_skeleton_and_image(page: LivePage) -> None:
    stream = get(page.address + "events")
    shown = frame(3, person(5, 5, 7))
    page.show(shown, np.full((128, 192, 3), 90, np.uint8))
    event = next_event(stream)
    assert event["record"] == json.loads(encode_frame(shown)) and event["image"] is True
    skeletons = json.load(get(page.address + "skeletons"))
    assert skeletons["coco17/17"]["names"][0] == "nose"
    assert get(page.address + "image").read().startswith(b"\xff\xd8")
    page.show(frame(4))
    assert next_event(stream)["image"] is False
    assert status(page.address + "image") == 404


def test_a_browser_that_comes_late_gets_the_newest_record_only(page: LivePage) -> None:
    for number in range(5):
        page.show(frame(number))
    event = next_event(get(page.address + "events"))
    assert (event["number"], event["record"]["frame"]) == (5, 4)


def test_the_end_is_told_to_browsers_before_the_page_closes() -> None:
    with LivePage() as page:
        stream = get(page.address + "events")
        page.show(frame(0))
        next_event(stream)
        closing = threading.Thread(target=page.close)
        closing.start()
        assert b"event: end\n" in stream.read()
        closing.join(timeout=10)
        assert not closing.is_alive()


def test_a_port_in_use_is_an_error(page: LivePage) -> None:
    with pytest.raises(RtmError, match="cannot serve a page on port"):
        LivePage(int(page.address.split(":")[2].split("/")[0]))
