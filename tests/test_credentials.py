"""Addresses without their credentials."""

import pytest

from rtmcli.credentials import hide_credentials, public_address


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("rtsp://admin:pw@host:554/1", "rtsp://host:554/1"),
        ("rtsp://admin@host/1", "rtsp://host/1"),
        ("rtsp://admin:p@ss@host/1", "rtsp://host/1"),
        ("rtsp://admin:p/w?x#y@host/1", "rtsp://host/1"),
        ("rtsp://admin:p%40ss@[fe80::1]:554/1", "rtsp://[fe80::1]:554/1"),
        ("https://host/a.mp4?token=a&t=3", "https://host/a.mp4?token=***&t=3"),
        ("https://host/a.m3u8?t=3&API_KEY=a#access_token=b", "https://host/a.m3u8?t=3&API_KEY=***#access_token=***"),
        (
            "https://b.s3.amazonaws.com/a.mp4?X-Amz-Credential=a%2Fb&X-Amz-Date=1&X-Amz-Signature=c",
            "https://b.s3.amazonaws.com/a.mp4?X-Amz-Credential=***&X-Amz-Date=1&X-Amz-Signature=***",
        ),
        ("https://b.blob.core.windows.net/a.mp4?sv=1&sig=c", "https://b.blob.core.windows.net/a.mp4?sv=1&sig=***"),
        ("srt://host:9000?passphrase=a&latency=20", "srt://host:9000?passphrase=***&latency=20"),
        ("http://cam/v.cgi?loginuse=a&loginpas=b", "http://cam/v.cgi?loginuse=a&loginpas=***"),
        ("rtsp://cam/user=a&password=b&channel=1", "rtsp://cam/user=a&password=***&channel=1"),
        ("rtsp://cam/user=a_password=b_channel=1", "rtsp://cam/user=a_password=***"),
    ],
)  # fmt: skip
def test_an_address_loses_its_credentials_and_keeps_the_rest(address: str, public: str) -> None:
    assert public_address(address) == public
    assert public_address(public) == public


@pytest.mark.parametrize(
    "address",
    [
        "https://host/@channel/a.mp4", "https://host:8080/@channel/a.mp4", "https://host/a.mp4?at=a@b&design=2",
        "rtsp://[fe80::1]/@a", "s3://bucket/session=12/a.mp4", "gs://bucket/key=1/pass_2.mp4", "a.mp4", "c:/a@b.mp4",
    ],
)  # fmt: skip
def test_an_address_without_credentials_stays_as_it_is(address: str) -> None:
    assert public_address(address) == address


def test_the_addresses_in_a_sentence_lose_their_credentials() -> None:
    text = "'rtsp://a:b@h/1': no answer (http://h/x?token=c); see https://a:b@i/, and mail a@b"
    hidden = "'rtsp://h/1': no answer (http://h/x?token=***; see https://i/, and mail a@b"
    assert hide_credentials(text) == hidden
    public = "http://h/x?token=***: cannot be opened (http://h/x?token=***); check it"
    assert hide_credentials(public) == public
