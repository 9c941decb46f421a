"""A model that is published as a checkpoint only is converted after its download."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rtmcli.zoo.catalogue import RemoteFile, entries
from rtmcli.zoo.download.lock import hash_file
from rtmcli.zoo.fetch import fetch_model
from rtmcli.zoo.install import PullOptions, installed_path, verify_models
from rtmcli.zoo.metadata import read_card
from rtmcli.zoo.resolve import find_model
from tests.helpers.zoo_server import Server, serving, whole


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "home"))
    with serving() as running:
        yield running


@pytest.mark.slow  # an export to ONNX
def test_a_model_that_is_published_as_a_checkpoint_only_is_converted(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.helpers.official_pth import save_official

    save_official(tmp_path / "a.pth", "rtmpose-t_coco17_256x192")
    server.answers["/rtmpose-t.pth"] = whole((tmp_path / "a.pth").read_bytes())
    entry = entries()["rtmpose-t-coco17-256x192-coco"]
    remote = RemoteFile(server.url("/rtmpose-t.pth"), sha256=hash_file(tmp_path / "a.pth")[:8])
    monkeypatch.setitem(entries(), entry.name, replace(entry, remotes=(remote,)))
    said: list[str] = []
    path = fetch_model(entry.name, options=PullOptions(say=said.append))
    assert path == installed_path(entry.name) == find_model(entry.name)
    card = read_card(path)
    assert card is not None and (card.name, card.skeleton) == (entry.name, "coco17")
    assert "was converted from its checkpoint" in said[-1]
    assert dict(verify_models()) == {path: "ok", installed_path(entry.name, "pth"): "ok"}
    server.asked.clear()
    assert fetch_model(entry.name, options=PullOptions()) == path and server.asked == []
