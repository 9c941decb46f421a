"""Sources and output folders in an object store: a real S3 server, also one whose transfers break off."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtmcli import open_media
from rtmcli.errors import DataError
from rtmcli.media.remote import RemoteFile
from tests.helpers.clips import write_clip
from tests.helpers.jobs import Runner, contents, write_clips
from tests.helpers.s3_server import BUCKET, BreakingProxy, s3_server, set_environment

for package in ("s3fs", "moto", "flask", "flask_cors"):
    pytest.importorskip(package, reason="needs the extra cloud and moto[server]")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def store(port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """An empty bucket, through s3fs."""
    import s3fs

    set_environment(monkeypatch, port)
    monkeypatch.chdir(tmp_path)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    if not system.exists(BUCKET):
        system.mkdir(BUCKET)
    yield system
    system.invalidate_cache()
    system.rm(BUCKET, recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def proxy(port: int, store: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakingProxy]:
    """The same store through a connection that can break."""
    import s3fs

    through = BreakingProxy(port, limit=20_000)
    set_environment(monkeypatch, through.port)
    s3fs.S3FileSystem.clear_instance_cache()
    yield through
    through.close()
    set_environment(monkeypatch, port)
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def rtm(capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)


def objects(store: Any, folder: str) -> dict[str, bytes]:
    """The finished files of a job's folder in the bucket."""
    store.invalidate_cache()
    root = f"{BUCKET}/{folder}/"
    names = [name.removeprefix(root) for name in store.find(root)]
    return {
        name: store.cat_file(root + name)
        for name in names
        if name != "job.json" and not name.startswith(".part")
    }


def unnamed(records: bytes) -> bytes:
    """Records without the folder of their source."""
    return records.replace(b"s3://bucket/", b"")


def test_a_video_of_a_store_gives_the_frames_of_the_file(store: Any, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 60, g="10", bf="2")
    store.put(str(clip), f"{BUCKET}/clip.mp4")
    local = [(one.frame, one.time, one.image.tobytes()) for one in open_media(clip, start=1.1)]
    remote = open_media(f"s3://{BUCKET}/clip.mp4", start=1.1)
    assert remote.source == "s3://bucket/clip.mp4"
    assert [(one.frame, one.time, one.image.tobytes()) for one in remote] == local and len(local) == 32


def test_a_job_from_a_store_to_a_store_gives_the_bytes_of_one_on_disk(
    store: Any, rtm: Runner, tmp_path: Path
) -> None:
    write_clips(tmp_path / "clips/a", 2, broken=(1,))
    write_clip(tmp_path / "clips/a/long.mp4", 60, g="10")
    store.put("clips", BUCKET, recursive=True)
    options = ["--unit", "0.5", "-o"]
    assert rtm("detect", "clips/a/*.mp4", *options, "out") == 3
    assert rtm("detect", f"s3://{BUCKET}/clips/a/*.mp4", *options, f"s3://{BUCKET}/out") == 3
    assert [line["status"] for line in rtm.lines] == ["done", "failed", "done"]
    assert rtm.lines[0]["output"] == "s3://bucket/out/00.jsonl"
    assert {name: unnamed(data) for name, data in objects(store, "out").items()} == contents(Path("out"))
    assert rtm("detect", f"s3://{BUCKET}/clips/a/*.mp4", *options, f"s3://{BUCKET}/out", "--resume") == 3
    assert [line["status"] for line in rtm.lines] == ["skipped", "skipped", "failed"]
    store.rm(f"{BUCKET}/clips/a/01.mp4")
    assert rtm("detect", f"s3://{BUCKET}/clips/a/*.mp4", *options, f"s3://{BUCKET}/out", "--resume") == 0
    store.invalidate_cache()
    # The failure of a source that is no longer named stays.
    left = [name for name in store.find(BUCKET) if "/.part/" in name]
    assert left == ["bucket/out/.part/failed/01.jsonl.json"]


def test_images_of_a_store_are_one_source(store: Any, rtm: Runner, tmp_path: Path) -> None:
    from rtmcli.opencv import cv2

    (tmp_path / "day").mkdir()
    for picture in open_media("demo", max_frames=2):
        cv2.imwrite(str(tmp_path / f"day/{picture.frame}.png"), picture.image)
    store.put("day", BUCKET, recursive=True)
    assert rtm("detect", "day/*.png", "-o", "out") == 0
    assert rtm("detect", f"s3://{BUCKET}/day/*.png", "-o", "remote") == 0
    assert unnamed(contents(Path("remote"))["day.jsonl"]) == contents(Path("out"))["day.jsonl"]


@pytest.mark.parametrize("address", ["missing.mp4", "missing/*.mp4"])
def test_a_file_that_is_not_there_is_named(store: Any, rtm: Runner, address: str) -> None:
    assert rtm("detect", f"s3://{BUCKET}/{address}") == 3
    assert f"s3://bucket/{address}: no " in rtm.error and rtm.error.count("\n") == 1


def test_a_transfer_that_breaks_is_continued(proxy: BreakingProxy, store: Any, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4000
    store.pipe_file(f"{BUCKET}/data", data)
    proxy.breaks = 2
    assert RemoteFile(f"s3://{BUCKET}/data").read() == data
    assert proxy.broken == 2


@pytest.mark.slow  # the store's library tries again for a minute
def test_a_store_that_keeps_breaking_fails_the_source_and_leaves_no_part_of_a_file(
    proxy: BreakingProxy, store: Any, rtm: Runner, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 30, noise=60)
    assert clip.stat().st_size > proxy.limit
    store.put(str(clip), f"{BUCKET}/clip.mp4")
    proxy.breaks = 1000
    with pytest.raises(DataError, match=r"s3://bucket/clip.mp4: cannot be read"):
        list(open_media(f"s3://{BUCKET}/clip.mp4"))
    # Records are written, and the connection breaks while they are sent.
    assert rtm("detect", "demo", "-o", f"s3://{BUCKET}/out", "--max-frames", "60", "--score", "0.01") == 1
    assert "cannot write s3://bucket/out/demo.jsonl: " in rtm.error
    assert objects(store, "out") == {}
    proxy.breaks = 0
    job = ["detect", "demo", "--max-frames", "60", "--score", "0.01", "-o"]
    assert rtm(*job, f"s3://{BUCKET}/out", "--resume") == 0
    assert rtm(*job, "out") == 0
    assert objects(store, "out") == contents(Path("out"))


def test_a_file_in_a_store_and_an_unknown_scheme_are_refused_as_output(rtm: Runner) -> None:
    assert rtm("detect", "demo", "-o", "s3://bucket/out.jsonl") == 2
    assert "name a folder of the object store" in rtm.error
    assert rtm("detect", "demo", "-o", "https://host/out") == 2
    assert "an address that begins with s3://, gs:// or az://" in rtm.error
