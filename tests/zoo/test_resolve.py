"""From a name, a folder or a zip to the file of a model."""

from pathlib import Path

import pytest

from rtmcli.errors import DataError, MissingError
from rtmcli.zoo.install import installed_path
from rtmcli.zoo.resolve import find_model, find_weights
from tests.helpers.tiny_models import tiny_onnx
from tests.helpers.zoo_server import zipped

MODEL = tiny_onnx(outputs=("simcc_x", "simcc_y"))


@pytest.fixture(autouse=True)
def rtm_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_name_that_was_not_pulled_names_the_command() -> None:
    with pytest.raises(MissingError, match="'rtm models pull rtmpose-m' downloads it"):
        find_model("rtmpose-m")
    with pytest.raises(MissingError, match=r"no such model 'rtmpose-mm'; did you mean rtmpose-m\?"):
        find_model("rtmpose-mm")


def test_a_checkpoint_that_is_here_names_the_command_that_makes_it_run(rtm_home: Path) -> None:
    path = installed_path("rtmw-x-coco133-256x192", "pth")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    with pytest.raises(
        MissingError, match="is installed as a checkpoint only; convert it with 'rtm models convert"
    ):
        find_model("rtmw-x")
    assert find_model("rtmw-x", checkpoint=True) == path


def test_weights_to_train_from_are_the_checkpoint_where_there_is_one(rtm_home: Path, tmp_path: Path) -> None:
    with pytest.raises(
        MissingError, match="'rtm models pull --checkpoint cspnext-m-in1k-224x224' downloads them"
    ):
        find_weights("cspnext-m-in1k-224x224")
    ready, checkpoint = (installed_path("rtmpose-m-coco17-256x192", kind) for kind in ("onnx", "pth"))
    ready.parent.mkdir(parents=True)
    ready.write_bytes(b"ready")
    assert find_weights("rtmpose-m") == ready
    checkpoint.write_bytes(b"weights")
    assert (find_weights("rtmpose-m"), find_model("rtmpose-m")) == (checkpoint, ready)
    assert find_weights("rtmpose-t").suffix == ".onnx"
    own = tmp_path / "own.pth"
    own.write_bytes(b"own")
    assert find_weights(own) == own
    with pytest.raises(MissingError, match="no model file"):
        find_weights("nowhere.pth")


def test_a_folder_and_a_zip_are_models_too(tmp_path: Path, rtm_home: Path) -> None:
    folder = tmp_path / "rtmpose-m_256x192"
    folder.mkdir()
    with pytest.raises(DataError, match="contains no model file"):
        find_model(folder)
    (folder / "end2end.onnx").write_bytes(MODEL)
    assert find_model(folder) == folder / "end2end.onnx"
    (folder / "other.onnx").write_bytes(MODEL)
    assert find_model(folder) == folder / "end2end.onnx"
    archive = tmp_path / "rtmpose-m_simcc-body7_256x192.zip"
    archive.write_bytes(zipped({"20230504/rtmpose_onnx/end2end.onnx": MODEL}))
    unpacked = find_model(archive)
    assert unpacked.read_bytes() == MODEL
    assert unpacked.parent.name == archive.stem, "the name of the zip tells what the model is"
    assert find_model(archive) == unpacked
