"""`rtm train --init` and `--teacher` take the name of a model, as `rtm models pull --checkpoint` promises."""

from pathlib import Path

import pytest
import torch
from torch import nn

from rtmcli.cli.app import main
from rtmcli.networks.checkpoint import read_checkpoint
from rtmcli.networks.load import load_network
from rtmcli.zoo.install import installed_path
from rtmcli.zoo.resolve import find_model
from tests.helpers.official_pth import save_official

# A rate of 0 leaves the weights as they were initialised, but for the statistics of batch norms.
UNCHANGED = ["batch=4", "epochs=1", "warmup=2", "lr=0.0", "average=0.0"]
DATA_SKELETON = ["--data-skeleton", "coco17"]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder of fetched models."""
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "home"))
    installed_path("any").parent.mkdir(parents=True)


def train(dots: Path, recipe: str, *more: str) -> int:
    changes = [word for change in UNCHANGED for word in ("--set", change)]
    given = ["--data", str(dots / "labels.json"), "--images", str(dots / "images"), "--workers", "0"]
    return main(["train", recipe, *given, "--out", str(dots / "run"), *changes, *more])


def same_parameters(network: nn.Module, trained: Path, part: str) -> bool:
    """Whether the parameters of a part (`backbone`, say) are equal; a training changes the norms' statistics."""
    state = read_checkpoint(trained).state
    mine = [(key, value) for key, value in network.named_parameters() if key.startswith(part)]
    return bool(mine) and all(torch.equal(value, state[key]) for key, value in mine)


def test_a_fetched_checkpoint_starts_a_training_by_its_name(
    dots: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = installed_path("rtmpose-t-coco17-256x192", "pth")
    save_official(checkpoint, "rtmpose-t_coco17_256x192")
    assert train(dots, "rtmpose-t", "--init", "rtmpose-t-coco17") == 0
    assert "fits in part" not in capsys.readouterr().err
    assert same_parameters(load_network(checkpoint)[0], dots / "run/rtmpose-t.safetensors", "")


def test_a_bundled_model_starts_a_training_by_its_name(dots: Path) -> None:
    assert train(dots, "rtmpose-t", "--init", "rtmpose-t", "--set", "skeleton=halpe26", *DATA_SKELETON) == 0
    bundled = load_network(find_model("rtmpose-t"))[0]
    assert same_parameters(bundled, dots / "run/rtmpose-t.safetensors", "backbone")


def test_a_fetched_checkpoint_teaches_by_its_name(dots: Path) -> None:
    checkpoint = installed_path("rtmpose-t-coco17-256x192", "pth")
    save_official(checkpoint, "rtmpose-t_coco17_256x192")
    student = ["--set", "size=t", "--set", "skeleton=coco17"]
    assert train(dots, "dwpose-m-2", "--teacher", "rtmpose-t-coco17", *student) == 0
    teacher = load_network(checkpoint)[0]
    assert same_parameters(teacher, dots / "run/dwpose-m-2.safetensors", "backbone")
    assert not same_parameters(teacher, dots / "run/dwpose-m-2.safetensors", "head")


@pytest.mark.parametrize(("recipe", "option"), [("rtmpose-t", "--init"), ("dwpose-m-1", "--teacher")])
def test_a_model_that_is_not_here_is_an_error_with_the_command_that_fetches_it(
    dots: Path, capsys: pytest.CaptureFixture[str], recipe: str, option: str
) -> None:
    assert train(dots, recipe, option, "rtmpose-m-coco17", *DATA_SKELETON) == 4
    assert "'rtm models pull --checkpoint rtmpose-m-coco17' downloads them" in capsys.readouterr().err
