"""A model goes to a machine without a network in one file, and runs there."""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.errors import DataError, MissingError
from rtmcli.zoo.download.bundle import MANIFEST, pack_models, unpack_models
from rtmcli.zoo.download.lock import download_key, hash_file, recorded_hash
from rtmcli.zoo.install import PullOptions, model_state, models_folder, pull_model
from rtmcli.zoo.names import find_entry
from tests.helpers.tiny_models import tiny_pose_onnx
from tests.helpers.zoo_server import Server, serving, whole, zipped

NAME = "rtmpose-s-coco17-256x192"


@pytest.fixture
def server() -> Iterator[Server]:
    entry = find_entry("rtmpose-s")
    assert entry is not None
    with serving() as running:
        path = entry.files("onnx")[0].url.removeprefix("https://download.openmmlab.com")
        running.answers[path] = whole(zipped({"20230504/end2end.onnx": tiny_pose_onnx()}))
        yield running


@pytest.fixture
def model(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model, fetched into the first of two homes."""
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "one"))
    entry = find_entry("rtmpose-s")
    assert entry is not None
    return pull_model(entry, options=PullOptions(mirror=server.address))


def rtm(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    run = subprocess.run(
        [sys.executable, "-m", "rtmcli", *arguments], capture_output=True, text=True, timeout=120,
        stdin=subprocess.DEVNULL, env=os.environ | {"RTM_HOME": str(home)} | more,
    )  # fmt: skip
    assert "Traceback" not in run.stderr
    return run


def test_a_model_fetched_here_runs_there_without_a_network(server: Server, tmp_path: Path) -> None:
    one, two, bundle = tmp_path / "one", tmp_path / "two", tmp_path / "offline.tar"
    packed = rtm(one, "models", "bundle", "rtmpose-s", "-o", str(bundle), RTM_MIRROR=server.address)
    assert packed.returncode == 0, packed.stderr
    asked = len(server.asked)
    # The other machine: no such model, no server.
    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), np.zeros((300, 400, 3), np.uint8))
    boxes = tmp_path / "boxes.jsonl"
    boxes.write_text(json.dumps({
        "source": str(picture), "frame": 0, "frames": 1, "width": 400, "height": 300,
        "instances": [{"label": "person", "box": [100, 50, 250, 250], "score": 1}],
    }) + "\n")  # fmt: skip
    missing = rtm(two, "pose", "--model", "rtmpose-s", str(picture))
    assert missing.returncode == 4
    assert "'rtm models pull rtmpose-s' downloads it" in missing.stderr
    unpacked = rtm(two, "models", "bundle", "--from", str(bundle))
    assert unpacked.returncode == 0, unpacked.stderr
    for said in ("rtmpose-s", NAME, str(two / "models" / f"{NAME}.onnx")):
        with boxes.open() as stdin:
            run = subprocess.run(
                [sys.executable, "-m", "rtmcli", "pose", "--model", said], stdin=stdin, capture_output=True,
                text=True, timeout=120, env=os.environ | {"RTM_HOME": str(two)},
            )  # fmt: skip
        assert run.returncode == 0, run.stderr
        frame = json.loads(run.stdout)
        assert (frame["model"], frame["skeleton"]) == (NAME, "coco17")
        assert frame["instances"][0]["keypoints"] == [[175.0, 150.0, 0.75]] * 17
    assert len(server.asked) == asked
    verified = rtm(two, "models", "verify")
    assert [json.loads(line)["state"] for line in verified.stdout.splitlines()] == ["ok"]


def test_a_bundle_carries_the_hashes_and_is_the_same_each_time(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_models([model], tmp_path / "a.tar")
    pack_models([model], tmp_path / "b.tar")
    assert hash_file(tmp_path / "a.tar") == hash_file(tmp_path / "b.tar")
    entry = find_entry("rtmpose-s")
    assert entry is not None
    archive = download_key(entry.files("onnx")[0].url)
    learnt = recorded_hash("downloads", archive)
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "two"))
    (there,) = unpack_models(tmp_path / "a.tar")
    assert there == models_folder() / model.name and there.read_bytes() == model.read_bytes()
    assert model_state(there) == "ok"
    assert learnt and recorded_hash("downloads", archive) == learnt, (
        "what one machine learnt, the other enforces"
    )


def rewritten(bundle: Path, change: str, evil: Path) -> None:
    """The bundle with one thing changed."""
    with tarfile.open(bundle) as old, tarfile.open(evil, "w") as new:
        for member in old:
            content = old.extractfile(member).read()
            if member.name == MANIFEST and change in ("path", "hash", "absolute"):
                manifest = json.loads(content)
                item = manifest["models"][0]
                item["file"] = {"path": "../evil.onnx", "absolute": "/tmp/evil.onnx"}.get(
                    change, item["file"]
                )
                item["sha256"] = "0" * 64 if change == "hash" else item["sha256"]
                content = json.dumps(manifest).encode()
            if member.name != MANIFEST and change == "content":
                content = content[:-1] + b"!"
            if member.name != MANIFEST and change == "missing":
                continue
            info = tarfile.TarInfo(member.name)
            info.size = len(content)
            if member.name != MANIFEST and change == "link":
                info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0
            new.addfile(info, io.BytesIO(content))
        if change == "stranger":
            new.addfile(tarfile.TarInfo("../stranger.onnx"))
    if change == "cut":
        evil.write_bytes(bundle.read_bytes()[: bundle.stat().st_size // 2])
    if change == "no bundle":
        evil.write_bytes(b"PK nothing of the kind")


@pytest.mark.parametrize(
    "change", ["path", "absolute", "hash", "content", "missing", "link", "stranger", "cut", "no bundle"]
)
def test_a_bundle_that_was_tampered_with_is_refused(
    change: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_models([model], tmp_path / "good.tar")
    rewritten(tmp_path / "good.tar", change, tmp_path / "evil.tar")
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "two"))
    with pytest.raises(DataError, match=r"evil.tar"):
        unpack_models(tmp_path / "evil.tar")
    written = [path for path in (tmp_path / "two").rglob("*") if path.is_file()]
    assert all(path.name in (".lock", "lock.toml", model.name) for path in written)
    assert not any(path.is_symlink() for path in written)
    if change not in ("stranger",):  # which comes after the sound model
        assert not (models_folder() / model.name).exists()


def test_a_model_that_is_here_as_other_bytes_is_not_replaced(model: Path, tmp_path: Path) -> None:
    pack_models([model], tmp_path / "a.tar")
    rewritten(tmp_path / "a.tar", "hash", tmp_path / "b.tar")
    with pytest.raises(DataError, match="differs from the one recorded here"):
        unpack_models(tmp_path / "b.tar")
    assert model_state(model) == "ok"


def test_a_changed_model_is_not_packed(model: Path, tmp_path: Path) -> None:
    model.write_bytes(model.read_bytes() + b"!")
    with pytest.raises(DataError, match="has changed since it was downloaded"):
        pack_models([model], tmp_path / "a.tar")
    assert not (tmp_path / "a.tar").exists()


def test_a_bundle_that_is_not_there_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "home"))
    with pytest.raises(MissingError, match="'rtm models bundle NAME -o FILE' writes one"):
        unpack_models(tmp_path / "nowhere.tar")
