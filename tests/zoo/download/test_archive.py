"""A zip gives its one model and nothing else, and never writes where it is not told to."""

import zipfile
from pathlib import Path

import pytest

from rtmcli.errors import DataError
from rtmcli.zoo.download.archive import extract_model
from tests.helpers.tiny_models import tiny_onnx
from tests.helpers.zoo_server import zip_bomb, zipped

MODEL = tiny_onnx()


def extract(tmp_path: Path, content: bytes, member: str = "end2end.onnx") -> bytes:
    (tmp_path / "in").mkdir()
    archive = tmp_path / "in" / "model.zip"
    archive.write_bytes(content)
    target = tmp_path / "in" / "out.onnx"
    extract_model(archive, target, member=member)
    return target.read_bytes()


@pytest.mark.parametrize(
    "members",
    [
        {"end2end.onnx": MODEL},
        {"20230504/rtmpose_onnx/deploy.json": b"{}", "20230504/rtmpose_onnx/end2end.onnx": MODEL},
        {"model/dw-ll_ucoco_384.onnx": MODEL},
    ],
)
def test_the_one_model_is_taken_whatever_its_folder(members: dict[str, bytes], tmp_path: Path) -> None:
    assert extract(tmp_path, zipped(members)) == MODEL
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["model.zip", "out.onnx"]


def test_one_of_several_models_is_named_by_the_end_of_its_path(tmp_path: Path) -> None:
    content = zipped({"ort/rtmdet-nano/end2end.onnx": MODEL, "ort/rtmpose-m/end2end.onnx": b"other"})
    assert extract(tmp_path, content, "rtmdet-nano/end2end.onnx") == MODEL


def test_several_models_without_a_choice_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected one end2end.onnx, found a/end2end.onnx, b/end2end.onnx"):
        extract(tmp_path, zipped({"a/end2end.onnx": MODEL, "b/end2end.onnx": MODEL}))


@pytest.mark.parametrize(
    "name", ["../end2end.onnx", "a/../../end2end.onnx", "/etc/end2end.onnx", "..\\end2end.onnx", "../evil"]
)
def test_a_path_that_leads_out_of_the_zip_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is outside of it; nothing was unpacked"):
        extract(
            tmp_path, zipped({"end2end.onnx": MODEL, name: b"evil"} if name == "../evil" else {name: MODEL})
        )
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["model.zip"]


def test_a_zip_of_ten_gigabytes_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    archive = tmp_path / "bomb.zip"
    zip_bomb(archive, "end2end.onnx", 10 << 30)
    assert archive.stat().st_size < 64 << 10
    with pytest.raises(DataError, match="would unpack to 10737418240 bytes; no model is that large"):
        extract_model(archive, tmp_path / "out.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["bomb.zip"]


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "bomb.zip"
    zip_bomb(archive, "end2end.onnx", 64 << 20, claimed=1000)
    with pytest.raises(DataError, match="cannot be unpacked"):
        extract_model(archive, tmp_path / "out.onnx")
    monkeypatch.setattr("rtmcli.zoo.download.archive.LARGEST", 1 << 20)
    zip_bomb(archive, "end2end.onnx", 64 << 20, claimed=1000)
    with pytest.raises(DataError):
        extract_model(archive, tmp_path / "out.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["bomb.zip"]


def test_a_symbolic_link_in_a_zip_is_only_bytes(tmp_path: Path) -> None:
    archive = tmp_path / "link.zip"
    info = zipfile.ZipInfo("end2end.onnx")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr(info, "/etc/passwd")
    extract_model(archive, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").is_symlink()
    assert (tmp_path / "out.onnx").read_bytes() == b"/etc/passwd"


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_zip_is_one_sentence(damage: str, tmp_path: Path) -> None:
    good = zipped({"end2end.onnx": MODEL * 50})
    flipped = bytearray(good)
    flipped[60] ^= 255
    content = {"cut": good[: len(good) // 2], "flipped": bytes(flipped), "empty": b"", "text": b"<html>"}[
        damage
    ]
    with pytest.raises(DataError, match="download it again"):
        extract(tmp_path, content)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["model.zip"]
