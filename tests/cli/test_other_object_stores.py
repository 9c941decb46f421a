"""Sources and output folders in Google Cloud Storage and Azure Blob Storage; S3 is in test_object_stores.py."""

import os
from pathlib import Path

import pytest

from tests.helpers.clips import write_clip
from tests.helpers.jobs import Runner, contents
from tests.helpers.s3_server import BUCKET
from tests.helpers.store_servers import az_server, gs_server


@pytest.mark.parametrize(("scheme", "server"), [("gs", gs_server), ("az", az_server)], ids=["gs", "az"])
def test_a_job_from_a_store_to_a_store_gives_the_bytes_of_one_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], scheme: str, server
) -> None:
    rtm = Runner(capsys)
    with server() as environment:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        import fsspec

        monkeypatch.chdir(tmp_path)
        for name, frames in {"a": 6, "long": 40}.items():
            (tmp_path / "clips").mkdir(exist_ok=True)
            write_clip(tmp_path / f"clips/{name}.mp4", frames, g="10", noise=20)
        store = fsspec.filesystem(scheme, skip_instance_cache=True)
        if not store.exists(BUCKET):
            store.mkdir(BUCKET)
        for clip in (tmp_path / "clips").iterdir():
            store.put_file(str(clip), f"{BUCKET}/clips/{clip.name}")
        root = f"{scheme}://{BUCKET}"
        options = ["--unit", "0.5", "-o"]
        assert rtm("detect", "clips/*.mp4", *options, "out") == 0
        assert rtm("detect", f"{root}/clips/*.mp4", *options, f"{root}/out") == 0
        assert [line["output"] for line in rtm.lines] == [f"{root}/out/a.jsonl", f"{root}/out/long.jsonl"]
        store.invalidate_cache()
        names = [name.removeprefix(f"{BUCKET}/out/") for name in store.find(f"{BUCKET}/out")]
        assert sorted(names) == ["a.jsonl", "job.json", "long.jsonl"]
        remote = {name: store.cat_file(f"{BUCKET}/out/{name}") for name in names if name != "job.json"}
        assert {name: data.replace(f"{root}/".encode(), b"") for name, data in remote.items()} == contents(
            Path("out")
        )
        assert rtm("detect", f"{root}/clips/*.mp4", *options, f"{root}/out", "--resume") == 0
        assert [line["status"] for line in rtm.lines] == ["skipped", "skipped"]
        assert rtm("detect", f"{root}/missing.mp4") == 3
        assert f"{root}/missing.mp4: no such file in the object store" in rtm.error
        store.rm(f"{BUCKET}/out", recursive=True)
