"""Starting from other weights: what fits is taken, what does not is listed, frozen parts stay."""

from pathlib import Path

import pytest
import torch

from rtmcli.errors import UsageError
from rtmcli.networks.checkpoint import read_checkpoint
from rtmcli.networks.rtmpose import RTMPose
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import load_set
from rtmcli.training.initialization import freeze_part, save_model, start_from
from rtmcli.training.model import make_network
from rtmcli.training.recipe_file import build_recipe
from rtmcli.training.tasks.topdown import TopDownTask
from rtmcli.training.trainer import Training

TOY = build_recipe(dict(
    name="toy", family="rtmpose", size="t", width=64, height=64, sigma=(2.0, 2.0), epochs=1, second=1, batch=4,
    lr=1e-3, warmup=2, average=0.0,
), source="test")  # fmt: skip


def test_another_skeleton_and_size_take_the_backbone_and_list_the_rest(tmp_path: Path) -> None:
    source = RTMPose("t", 17, 64, 64)
    save_model(source, TOY, tmp_path / "a.safetensors")
    target = RTMPose("t", 26, 96, 64)
    misfit = start_from(target, tmp_path / "a.safetensors")
    for name, value in source.backbone.state_dict().items():
        assert torch.allclose(target.backbone.state_dict()[name], value), name
    listed = str(misfit)
    for name in ("head.final_layer.weight", "head.mlp.1.weight", "head.cls_x.weight"):
        assert name in listed
    assert "backbone" not in listed


def test_a_saved_model_says_what_it_is(tmp_path: Path) -> None:
    save_model(make_network(TOY), TOY, tmp_path / "a.safetensors")
    card = read_checkpoint(tmp_path / "a.safetensors").card
    assert card is not None
    assert (card.name, card.family, card.size, card.width, card.height) == ("toy", "rtmpose", "t", 64, 64)


def test_a_frozen_backbone_stays_to_the_last_bit_while_the_head_learns(dots: Path, tmp_path: Path) -> None:
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    network = make_network(TOY)
    freeze_part(network, "backbone")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    Training(TopDownTask(TOY, [data]), network, tmp_path / "run").run()
    after = network.state_dict()
    assert all(
        torch.equal(value, after[name]) for name, value in before.items() if name.startswith("backbone")
    )
    assert not torch.equal(before["head.cls_x.weight"], after["head.cls_x.weight"])


def test_a_part_that_is_not_there_is_an_error_with_the_parts() -> None:
    with pytest.raises(UsageError, match="it has backbone, head"):
        freeze_part(make_network(TOY), "bones")
