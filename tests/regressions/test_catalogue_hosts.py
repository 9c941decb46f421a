"""`rtm models pull`, `verify` and `bundle` with a local server in place of the catalogue's hosts."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rtmcli.cli.app import main
from rtmcli.zoo.catalogue import entries
from rtmcli.zoo.download import http
from rtmcli.zoo.install import installed_path
from rtmcli.zoo.names import find_entry
from tests.helpers.tiny_models import tiny_onnx, tiny_pose_onnx
from tests.helpers.zoo_server import Server, serving, status, whole, zipped

Run = Callable[..., tuple[int, str, str]]
MODEL = tiny_pose_onnx()
ZIP = zipped({"20230504/end2end.onnx": MODEL})


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def dead() -> str:
    """The address of a host that does not answer."""
    with serving() as gone:
        return gone.address


@pytest.fixture
def rtm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run rtm in this process: exit code, standard output and standard error."""
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "home"))
    short = http.RetryPolicy(timeout=1.0, attempts=1, pause=0.01)
    monkeypatch.setattr(http, "RetryPolicy", lambda: short)

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main(list(arguments))
        out, err = capfd.readouterr()
        return code, out, err

    return run


def move_hosts(
    monkeypatch: pytest.MonkeyPatch, name: str, hosts: dict[str, str], *, stated: str | None = None
) -> dict[str, str]:
    """Put addresses in place of the hosts of a model's files; host -> path of its first file there.

    `stated` replaces the hash that the catalogue states for the model's first file.
    """
    entry = find_entry(name)
    assert entry is not None
    paths: dict[str, str] = {}
    remotes = []
    for remote in entry.remotes:
        parts = urlsplit(remote.url)
        paths.setdefault(parts.netloc, parts.path)
        remotes.append(replace(remote, url=hosts[parts.netloc] + parts.path))
    if stated is not None:
        remotes[0] = replace(remotes[0], sha256=stated)
    monkeypatch.setitem(entries(), entry.name, replace(entry, remotes=tuple(remotes)))
    return paths


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_that_was_re_published_under_its_old_name_is_accepted_and_then_enforced(
    server: Server, rtm: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name still has the digits of the old file (mmpose commit d427f3409)."""
    name = "rtmpose-t-coco17-256x192-coco"
    paths = move_hosts(monkeypatch, name, {"download.openmmlab.com": server.address})
    path = paths["download.openmmlab.com"]
    content = b"the re-published weights"
    assert "e613ba3f" in path and not sha256(content).startswith("e613ba3f")
    server.answers[path] = whole(content)
    code, out, err = rtm("models", "pull", "--checkpoint", name)
    assert code == 0, err
    assert json.loads(out) == {
        "name": name, "file": str(installed_path(name, "pth")), "sha256": sha256(content), "url": server.url(path),
    }  # fmt: skip
    assert f"{sha256(content)} is the first one seen; it is recorded in" in err
    code, out, _ = rtm("models", "verify")
    assert code == 0 and json.loads(out)["state"] == "ok"
    # Replaced once more: other bytes under this name are refused now.
    installed_path(name, "pth").unlink()
    server.answers[path] = whole(b"replaced again")
    code, _, err = rtm("models", "pull", "--checkpoint", name)
    assert code == 3 and f"but {sha256(content)} is recorded in" in err and "--trust" not in err
    assert rtm("models", "verify")[0] == 3


def test_the_known_hash_of_a_re_published_file_is_checked(
    server: Server, rtm: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "rtmpose-s-coco17-256x192-coco"
    paths = move_hosts(monkeypatch, name, {"download.openmmlab.com": server.address})
    server.answers[paths["download.openmmlab.com"]] = whole(b"something else")
    code, _, err = rtm("models", "pull", "--checkpoint", name)
    assert code == 3
    assert sha256(b"something else") in err and "say 29dcacbb" in err and "--trust accepts it" in err


def test_the_mirror_is_used_where_the_publishers_host_is_dead(
    server: Server, dead: str, rtm: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "rtmpose-t-coco17-256x192"
    hosts = {"download.openmmlab.com": dead, "huggingface.co": server.address}
    paths = move_hosts(monkeypatch, name, hosts)
    mirrored = paths["huggingface.co"]
    assert mirrored.endswith(".onnx") and paths["download.openmmlab.com"].endswith(".zip")
    server.answers[mirrored] = whole(MODEL)
    code, out, err = rtm("models", "pull", name)
    assert code == 0, err
    assert json.loads(out)["url"] == server.url(mirrored)
    first, second = err.splitlines()
    assert "cannot be reached: Connection refused; trying" in first and mirrored in first
    assert f"{name} comes from {server.url(mirrored)}; its SHA-256 {sha256(MODEL)}" in second
    assert rtm("models", "verify")[0] == 0
    # The bundle carries the model, its origin and the hash to enforce.
    assert rtm("models", "bundle", name, "-o", str(tmp_path / "a.tar"))[0] == 0
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "other"))
    assert rtm("models", "bundle", "--from", str(tmp_path / "a.tar"))[0] == 0
    code, out, _ = rtm("models", "verify")
    assert code == 0 and json.loads(out) == {"file": str(installed_path(name)), "state": "ok"}
    installed_path(name).unlink()
    server.answers[mirrored] = whole(tiny_onnx(weight=2.0))
    assert "is recorded in" in rtm("models", "pull", name)[2]


def test_every_failed_source_is_named_where_all_fail(
    server: Server, dead: str, rtm: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "rtmo-m-coco17-640x640"
    paths = move_hosts(monkeypatch, name, {"download.openmmlab.com": dead, "huggingface.co": server.address})
    server.answers[paths["huggingface.co"]] = status(404)
    code, out, err = rtm("models", "pull", name)
    assert (code, out) == (4, "")
    last = err.splitlines()[-1]
    assert f"{name} cannot be downloaded: {dead.removeprefix('http://')} cannot be reached" in last
    assert "answered 404 Not Found; try again later, or copy it" in last


def test_a_third_partys_hash_is_shown_beside_the_files_and_trust_accepts_it(
    server: Server, rtm: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "rtmpose-m-coco17-256x192"
    stated = "f7fbb6c5c11a1bb70f3d445e4ddec5d144ea89ad5649c081ef976f9b24a0b741"
    paths = move_hosts(monkeypatch, name, {"download.openmmlab.com": server.address})
    server.answers[paths["download.openmmlab.com"]] = whole(ZIP)
    code, out, err = rtm("models", "pull", "rtmpose-m")
    assert (code, out) == (3, "")
    assert f"its SHA-256 is {sha256(ZIP)}, but public download records on GitHub say {stated}" in err
    assert "--trust accepts it" in err and err.count("\n") == 1
    assert not installed_path(name).exists() and rtm("models", "verify")[1] == ""
    assert rtm("models", "bundle", "rtmpose-m", "-o", str(tmp_path / "a.tar"))[0] == 3
    assert not (tmp_path / "a.tar").exists()
    code, _, err = rtm("models", "bundle", "--trust", "rtmpose-m", "-o", str(tmp_path / "a.tar"))
    assert code == 0 and "accepted because of --trust" in err
    assert rtm("models", "verify")[0] == 0
    # What was trusted once is enforced, and needs no --trust again.
    installed_path(name).unlink()
    assert rtm("models", "pull", "rtmpose-m")[0] == 0


def test_after_a_wrong_file_none_is_taken_that_cannot_be_checked(
    server: Server, rtm: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "yolox-m-humanart-640x640"
    hosts = {"download.openmmlab.com": server.address, "huggingface.co": server.address}
    paths = move_hosts(monkeypatch, name, hosts)
    server.answers[paths["download.openmmlab.com"]] = whole(ZIP)
    server.answers[paths["huggingface.co"]] = whole(MODEL)
    code, out, err = rtm("models", "pull", name)
    assert (code, out) == (3, "") and "say a000224f" in err
    assert [path for path, _ in server.asked] == [paths["download.openmmlab.com"]]
    # A publisher that is down offers no wrong file.
    server.answers[paths["download.openmmlab.com"]] = status(404)
    assert rtm("models", "pull", name)[0] == 0


def test_a_third_partys_hash_that_agrees_is_named(
    server: Server, rtm: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = {"download.openmmlab.com": server.address}
    paths = move_hosts(monkeypatch, "rtmpose-m", hosts, stated=sha256(ZIP))
    server.answers[paths["download.openmmlab.com"]] = whole(ZIP)
    code, _, err = rtm("models", "pull", "rtmpose-m")
    assert code == 0 and f"agrees with public download records on GitHub ({sha256(ZIP)})" in err


def test_a_named_mirror_is_asked_for_every_file_before_the_publishers_are(
    server: Server, dead: str, rtm: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "yolox-nano-humanart-416x416"
    hosts = {"download.openmmlab.com": dead, "huggingface.co": dead}
    paths = move_hosts(monkeypatch, name, hosts)
    server.answers["/mirror" + paths["huggingface.co"]] = whole(MODEL)
    code, out, err = rtm("models", "pull", "--mirror", server.url("/mirror"), name)
    assert code == 0, err
    assert [path for path, _ in server.asked] == [
        "/mirror" + paths["download.openmmlab.com"],
        "/mirror" + paths["huggingface.co"],
    ]
    assert json.loads(out)["url"] == server.url("/mirror" + paths["huggingface.co"])


def test_a_lock_of_an_older_version_is_still_enforced(
    server: Server, rtm: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was keyed by file name, which two files may share."""
    name = "rtmpose-s-coco17-256x192"
    paths = move_hosts(monkeypatch, name, {"download.openmmlab.com": server.address})
    path = paths["download.openmmlab.com"]
    server.answers[path] = whole(ZIP)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "lock.toml").write_text(
        f'[downloads."{path.rsplit("/", 1)[-1]}"]\nsha256 = "{"0" * 64}"\nsize = 1\nurl = "{server.url(path)}"\n'
    )
    code, _, err = rtm("models", "pull", name)
    assert code == 3 and f"but {'0' * 64} is recorded in" in err
