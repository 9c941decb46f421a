"""How the bundled models are trained: targets, restored norms, checkpoints, weights on disk."""

import copy
from pathlib import Path

import torch

from rtmcli.networks.rtmpose import RTMPose
from tools.bundled_models.checkpoint import load_state, save_state, write_atomically
from tools.bundled_models.norms import restore_norms
from tools.bundled_models.pose_batch import Batch
from tools.bundled_models.pose_loss import pose_loss
from tools.bundled_models.simcc_head import smooth_bins
from tools.bundled_models.weights_file import mix, read_weights, write_safetensors


def tops(vector: torch.Tensor) -> int:
    """Bins that are higher than both neighbours."""
    return int(((vector[1:-1] > vector[:-2]) & (vector[1:-1] > vector[2:])).sum())


def test_smoothing_leaves_one_top_where_ripples_made_several() -> None:
    bins = torch.arange(384.0)
    bump = torch.exp(-((bins - 200) ** 2) / (2 * 4.9**2))
    ripple = 0.05 * torch.cos(bins * 2 * torch.pi / 6)
    weights = torch.stack([bump + ripple, torch.zeros(384)], dim=1)  # (bins, D)
    state = smooth_bins(
        {"head.cls_x.weight": weights, "head.cls_y.weight": weights, "other": torch.ones(1)}, 6.0
    )
    before, after = weights[:, 0], state["head.cls_x.weight"][:, 0]
    assert tops(before[185:216]) > 1 and tops(after[185:216]) == 1
    assert int(after.argmax()) == 200
    assert state["head.cls_y.weight"].shape == (384, 2) and state["other"] == 1


def vector(bins: int, top: float, sigma: float) -> torch.Tensor:
    return torch.exp(-((torch.arange(bins) - top) ** 2) / (2 * sigma**2)).expand(1, 17, bins)


def test_the_simcc_target_has_the_teachers_columns_on_x_and_its_rows_on_y() -> None:
    maps = torch.zeros(1, 17, 64, 48)
    maps[:, :, 50, 10] = 1  # the middle of this cell: pixel (41.5, 201.5)
    batch = Batch(
        images=torch.zeros(1, 3, 256, 192), points=torch.tensor([41.5, 201.5]).expand(1, 17, 2),
        weights=torch.ones(1, 17), labelled=torch.ones(1, 17, dtype=torch.bool), maps=maps, zoom=torch.ones(1),
        mixed=torch.zeros(1, dtype=torch.bool),
    )  # fmt: skip

    def loss(x: float, y: float) -> float:
        outputs = (vector(384, 2 * x, 4.9), vector(512, 2 * y, 5.66))
        return float(pose_loss(outputs, (maps, maps), batch, 1.0)["simcc"])

    there = loss(41.5, 201.5)
    assert there < loss(31.5, 201.5) and there < loss(41.5, 191.5)
    # a teacher that says another column raises the loss of the labelled one
    batch.maps = maps.roll(20, dims=3)
    assert loss(41.5, 201.5) > 2 * there


def test_restored_norms_leave_the_network_as_it_was_and_let_it_train() -> None:
    torch.manual_seed(0)
    network = RTMPose("t", 17, 64, 64)
    for norm in network.modules():  # statistics as after a training
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = None
    images = torch.randn(8, 3, 64, 64)
    network.train()(images)
    network.eval()
    unfolded = copy.deepcopy(network.state_dict())
    want = network(images)[0]
    # what reading a folded file back gives: norms without effect
    for module in network.modules():
        if isinstance(conv := getattr(module, "conv", None), torch.nn.Conv2d):
            norm = module.bn
            factor = norm.weight / (norm.running_var + norm.eps).sqrt()
            with torch.no_grad():
                conv.weight.mul_(factor[:, None, None, None])
                norm.bias.sub_(norm.running_mean * factor)
                norm.weight.fill_(1)
                norm.running_mean.zero_()
                norm.running_var.fill_(1 - norm.eps)
    torch.testing.assert_close(network(images)[0], want, rtol=1e-3, atol=1e-4)
    restore_norms(network, [images[:4], images[4:]], unfolded)
    torch.testing.assert_close(network(images)[0], want, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(network.train()(images)[0], want, rtol=1e-2, atol=1e-2)
    rows = network.backbone.stem[0].conv.weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(rows, unfolded["backbone.stem.0.conv.weight"].flatten(1).norm(dim=1))


def test_a_state_that_was_not_written_to_its_end_is_not_resumed(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 2)
    assert load_state(tmp_path, {"model": layer}) is None
    save_state(tmp_path, 3, {"model": layer}, {"step": 3})
    kept = layer.weight.clone()
    with torch.no_grad():
        layer.weight.zero_()
    save_state(tmp_path, 7, {"model": layer}, {"step": 7})
    (tmp_path / "state-0000003").mkdir(exist_ok=True)
    write_atomically({"weight": kept, "bias": layer.bias}, tmp_path / "state-0000003/model.pt")
    write_atomically({"step": 3}, tmp_path / "state-0000003/progress.pt")
    (tmp_path / "state-0000007/progress.pt").unlink()
    assert load_state(tmp_path, {"model": layer}) == {"step": 3}
    assert torch.equal(layer.weight, kept)


def test_weights_survive_their_file_and_their_mean_keeps_counters(tmp_path: Path) -> None:
    one = {"w": torch.tensor([1.0, -2.0]), "n": torch.tensor(3)}
    write_safetensors(one, tmp_path / "w.safetensors")
    back = read_weights(tmp_path / "w.safetensors")
    assert torch.equal(back["w"], one["w"]) and back["n"] == 3
    mean = mix(one, {"w": torch.tensor([3.0, 0.0]), "n": torch.tensor(9)}, 0.75)
    assert mean["w"].tolist() == [2.5, -0.5] and mean["n"] == 9
