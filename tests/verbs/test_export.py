"""`rtm export` writes a file only when it finds what torch finds, and leaves nothing behind where it does not."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from rtmcli.cli.app import main
from rtmcli.engines import open_engine
from rtmcli.errors import MissingError, RtmError, UsageError
from rtmcli.export import parity_check, run
from rtmcli.export.run import ExportOptions, export_model
from rtmcli.zoo.card import Card
from tests.helpers.toy_models import write_toy_pose_model


@pytest.fixture(autouse=True)
def one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """One image shows that the check runs; twelve take longer."""
    whole = parity_check.sample_images
    monkeypatch.setattr(parity_check, "sample_images", lambda source: whole(source, most=1))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("toy") / "toy.safetensors"
    write_toy_pose_model(path)
    return path


def test_the_verb_writes_a_file_that_the_torch_engine_opens_and_one_json_line(
    checkpoint: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(checkpoint), "--to", "torchscript", "-o", str(tmp_path)]) == 0
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert told["passed"] and told["what"] == "keypoints" and told["p99"] <= 0.1
    assert told["compared"] >= 17 and told["compared"] % 17 == 0
    assert err == "", "the exporters' own warnings stay theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["toy.pt"]
    engine = open_engine(tmp_path / "toy.pt", engine="torch", threads=1)
    assert engine.card is not None and engine.card.contract == "deploy" and engine.card.name == "toy"
    out_arrays = engine({"image": np.zeros((3, 96, 64, 3), np.uint8)})
    assert out_arrays["keypoints"].shape == (3, 17, 3)


def test_a_result_beyond_tolerance_is_an_error_that_keeps_nothing_unless_forced(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtmcli.export import torchscript

    honest, made = torchscript.export_torchscript, tmp_path / "spoiled"

    def spoiled(network: Any, card: Card, path: Path, *, half: bool) -> list[Path]:
        if not made.exists():
            with torch.no_grad():
                network.head.cls_x.weight.neg_()  # the reference is another one
            honest(network, card, made, half=half)
            with torch.no_grad():
                network.head.cls_x.weight.neg_()
        shutil.copy(made, path)
        return [path]

    monkeypatch.setattr(torchscript, "export_torchscript", spoiled)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(RtmError, match=r"px at p99.*nothing is kept.*--force"):
        export_model(str(checkpoint), ExportOptions(target="torchscript", out=out))
    assert list(out.iterdir()) == []
    done = export_model(str(checkpoint), ExportOptions(target="torchscript", out=out, force=True))
    assert done.parity.failure is not None and done.files[0].is_file()


def test_float16_is_held_to_a_pixel_and_ap_is_told_before_and_after(checkpoint: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    image = noise.integers(0, 256, (120, 160, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    points = np.concatenate([noise.uniform(20, 100, (17, 2)), np.full((17, 1), 2)], axis=1)
    labels = {
        "images": [{"id": 1, "file_name": "a.png", "width": 160, "height": 120}],
        "annotations": [
            {
                "id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 5000, "bbox": [10, 10, 100, 100],
                "num_keypoints": 17, "keypoints": points.ravel().tolist(),
            }
        ],
        "categories": [{"id": 1, "name": "person"}],
    }  # fmt: skip
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    options = ExportOptions(
        target="torchscript", out=tmp_path / "half.pt", precision="float16", labels=tmp_path / "labels.json",
        images=tmp_path, force=True,
    )  # fmt: skip
    # The folder holds a text file too: a folder's pictures are its pictures.
    found = export_model(str(checkpoint), options).parity
    assert found.tolerance == 1.0 and found.precision == "float16"
    assert found.ap_before is not None and found.ap_after is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ExportOptions(target="onnx", precision="int8"), "--calib DIR"),
        (ExportOptions(target="onnx", calib=Path()), "leave it out"),
        (ExportOptions(target="ncnn", precision="int8", calib=Path()), "not available for ncnn"),
        (ExportOptions(target="onnx", labels=Path("a.json")), "--images"),
        (ExportOptions(target="onnx", out=Path("model.xml")), r"onnx file must end in \.onnx"),
        (ExportOptions(target="onnx", out=Path("nowhere")), "no such folder"),
        (ExportOptions(target="onnx", out=Path("nowhere/m.onnx")), "no such folder"),
    ],
)
def test_options_that_do_not_go_together_are_told_before_any_work(
    checkpoint: Path, options: ExportOptions, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        export_model(str(checkpoint), options)


def test_weights_of_another_runtime_are_never_overwritten(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "m.xml").touch()
    with pytest.raises(UsageError, match=r"m\.xml in the same folder"):
        export_model(str(checkpoint), ExportOptions(target="ncnn", out=tmp_path / "m.param"))


def test_a_model_is_never_written_over_itself(tmp_path: Path) -> None:
    options = ExportOptions(target="onnx", out=run.find_source("rtmpose-t"))
    with pytest.raises(UsageError, match="the input model itself"):
        export_model("rtmpose-t", options)


def test_packages_that_are_not_here_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(MissingError, match=r"needs onnxscript: pip install"):
        export_model("rtmpose-t", ExportOptions(target="onnx"))


def test_both_precisions_at_once_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "rtmpose-t", "--fp16", "--int8"]) == 2
    assert "exclude each other" in capfd.readouterr().err
