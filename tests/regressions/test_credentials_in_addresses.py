"""User names, passwords and tokens of an address open it, and are written nowhere."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from rtmcli.errors import DataError
from rtmcli.media import open_media
from tests.helpers.clips import numbered, write_clip
from tests.helpers.jobs import Runner
from tests.helpers.local_server import serve

USER, PASSWORD, TOKEN = "warden", "Zx9@q", "t0k3n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    write_clip(folder / "walk.mp4", 3)
    ok, webp = cv2.imencode(".webp", numbered(3))
    assert ok
    (folder / "still.webp").write_bytes(webp.tobytes())
    (folder / "text.mp4").write_text("no video" * 40)
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    with serve(folder, login=f"{USER}:{PASSWORD}") as address:
        yield address


def secret(site: str, file: str, password: str = PASSWORD) -> str:
    """The address with credentials, as a browser or camera writes it."""
    login = f"{USER}:{password.replace('@', '%40')}"
    return f"{site.replace('http://', f'http://{login}@')}/{file}?token={TOKEN}"


def public(site: str, file: str) -> str:
    return f"{site}/{file}?token=***"


def assert_hidden(*texts: str) -> None:
    for text in texts:
        for word in (USER, PASSWORD, PASSWORD.replace("@", "%40"), TOKEN):
            assert word not in text


@pytest.fixture
def rtm(capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)


@pytest.mark.parametrize(("file", "frames"), [("walk.mp4", 3), ("still.webp", 1)])
def test_an_address_opens_with_its_credentials_and_is_named_without(
    site: str, file: str, frames: int
) -> None:
    pictures = list(open_media(secret(site, file)))
    assert [picture.source for picture in pictures] == [public(site, file)] * frames
    # In the same process the name in a record leads back to the address.
    assert len(list(open_media(pictures[0].source))) == frames


@pytest.mark.parametrize("file", ["text.mp4", "walk.mp4", "still.webp"])
def test_an_error_of_an_address_holds_no_credentials(site: str, file: str) -> None:
    wrong = secret(site, file, PASSWORD if file == "text.mp4" else PASSWORD + "y")
    with pytest.raises(DataError) as caught:
        list(open_media(wrong))
    assert str(caught.value).startswith(public(site, file))
    assert_hidden(str(caught.value))


def test_no_output_of_a_verb_holds_credentials(
    site: str, tmp_path: Path, rtm: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    address, records, page = secret(site, "walk.mp4"), tmp_path / "a.jsonl", tmp_path / "a.html"
    assert rtm("detect", address, "-o", records, "-v") == 0, rtm.error
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    assert [line["source"] for line in lines] == [public(site, "walk.mp4")] * 3
    assert_hidden(records.read_text(), rtm.error)
    assert rtm("draw", records, "--media", address, "-o", tmp_path / "a.mp4") == 0, rtm.error
    assert_hidden(rtm.error)
    assert rtm("view", records, "-o", page, "--embed") == 0, rtm.error
    assert_hidden(rtm.error, page.read_text())


@pytest.mark.parametrize(
    "arguments",
    [
        ("detect", "{bad}"), ("pose", "{bad}", "-v"), ("detect", "{bad}", "--json-errors"),
        ("detect", "{good}", "--fps", "5"), ("detect", "{good}", "--start", "9"), ("detect", "rtsp://a:{password}@h/",
        "-o", "{folder}"), ("schema", "{good}", "{good}"), ("draw", "{good}"), ("detect", "{good}", "-o", "{good}"),
        ("detect", "{good}", "--model", "{good}"), ("models", "get", "{good}"), ("{good}",),
    ],
)  # fmt: skip
def test_no_error_of_a_verb_holds_credentials(
    site: str, tmp_path: Path, rtm: Runner, arguments: tuple[str, ...]
) -> None:
    values = {"bad": secret(site, "text.mp4"), "good": secret(site, "walk.mp4"), "password": PASSWORD}
    filled = [argument.format(**values, folder=f"{tmp_path}/") for argument in arguments]
    assert rtm(*filled) > 0
    assert rtm.error
    assert_hidden(rtm.error)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_job_of_addresses_holds_no_credentials_and_resumes(
    site: str, tmp_path: Path, rtm: Runner, workers: int
) -> None:
    out = tmp_path / "out"
    sources = [secret(site, "walk.mp4"), secret(site, "text.mp4")]
    arguments = ["detect", *sources, "-o", out, "--workers", str(workers)]
    assert rtm(*arguments) == 3
    assert {line["source"] for line in rtm.lines} == {public(site, "walk.mp4"), public(site, "text.mp4")}
    written = [str(path) for path in out.rglob("*")]
    written += [path.read_text() for path in out.rglob("*") if path.is_file()]
    assert_hidden(json.dumps(rtm.lines), rtm.error, *written)
    (out / "walk.jsonl").unlink()
    assert rtm(*arguments, "--resume") == 3
    assert (out / "walk.jsonl").read_text().count("\n") == 3
    assert_hidden(json.dumps(rtm.lines), rtm.error)
