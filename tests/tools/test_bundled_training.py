"""How the bundled models are trained: targets, restored norms, checkpoints, weights on disk."""

import copy
from pathlib import Path

import torch

from rtmcli.networks.rtmpose import RTMPose
from tools.bundled_models.checkpoint import load_state, save_state, write_atomically
from tools.bundled_models.detector import Window, make_windows
from tools.bundled_models.muon import Muon
from tools.bundled_models.norms import restore_norms
from tools.bundled_models.onnx_teacher import OnnxRuntimeTeacher, load_graph
from tools.bundled_models.pose_batch import Batch, align_maps, mix_samples, teach_batch
from tools.bundled_models.pose_loss import pose_loss
from tools.bundled_models.prepare import load_teacher
from tools.bundled_models.run import Plan, run
from tools.bundled_models.simcc_head import smooth_bins
from tools.bundled_models.teacher_maps import SHIFT
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


def small_batch(count: int = 8) -> Batch:
    return Batch(
        images=torch.arange(count).float().view(-1, 1, 1, 1).expand(-1, 3, 256, 192).clone(),
        points=torch.full((count, 17, 2), 50.0), weights=torch.ones(count, 17),
        labelled=torch.ones(count, 17, dtype=torch.bool), maps=torch.full((count, 17, 64, 48), 0.5),
        zoom=torch.ones(count), mixed=torch.zeros(count, dtype=torch.bool),
    )  # fmt: skip


def test_a_mixed_sample_has_pixels_of_its_neighbour_and_the_teacher_alone() -> None:
    batch = mix_samples(small_batch(), 0.5, torch.Generator().manual_seed(0))
    assert 0 < batch.mixed.sum() < 8
    for i, mixed in enumerate(batch.mixed.tolist()):
        values = set(batch.images[i].unique().tolist())
        if not mixed:
            assert values == {i}
        elif len(values) == 2:  # one side of each
            assert values == {i, (i - 1) % 8}
        else:
            assert len(values) == 1 and min(i, (i - 1) % 8) < values.pop() < max(i, (i - 1) % 8)
    assert not batch.labelled[batch.mixed].any() and batch.labelled[~batch.mixed].all()
    maps = torch.zeros(8, 17, 64, 48)
    maps[:, :3, 10, 10] = 1  # the teacher sees three keypoints
    taught = teach_batch(batch, maps)
    torch.testing.assert_close(taught.maps[batch.mixed], maps[batch.mixed])
    torch.testing.assert_close(taught.maps[~batch.mixed], (maps + 0.5)[~batch.mixed] / 2)
    assert (taught.weights[batch.mixed] == torch.tensor([0.6] * 3 + [0.0] * 14)).all()
    assert (taught.weights[~batch.mixed] == 1).all()
    alone = teach_batch(batch, maps[batch.mixed], batch.mixed)  # the others keep their stored maps
    torch.testing.assert_close(alone.maps[batch.mixed], taught.maps[batch.mixed])
    torch.testing.assert_close(alone.maps[~batch.mixed], batch.maps[~batch.mixed])
    torch.testing.assert_close(alone.weights, taught.weights)


def test_onnx_runtime_and_torch_run_the_same_teacher(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 1)
    )
    images = torch.rand(2, 3, 16, 12)
    path = tmp_path / "teacher.onnx"
    torch.onnx.export(
        network, (images,), path, dynamo=False, input_names=["image"], output_names=["heatmaps"]
    )
    inner = load_graph(path).nodes[1].outputs[0]
    outputs = ("heatmaps", inner)
    expected = network(images).detach(), network[:2](images).detach()
    for teacher in (load_teacher(path, "cpu", outputs), OnnxRuntimeTeacher(path, outputs)):
        with torch.no_grad():
            torch.testing.assert_close(teacher(images), expected)


def test_the_teachers_maps_lie_where_its_shifted_peaks_belong() -> None:
    maps = torch.zeros(1, 1, 64, 48)
    maps[0, 0, 20, 30] = 1
    aligned = align_maps(maps, 256, 192)[0, 0]
    y, x = (torch.arange(size) * 4 + 1.5 for size in aligned.shape)  # pixels of the cells' middles
    total = aligned.sum()
    found = (aligned.sum(0) @ x / total, aligned.sum(1) @ y / total)
    # its cells reach from the first to the last pixel of 192 x 256; its peaks are right of and below the keypoints
    torch.testing.assert_close(
        torch.stack(found),
        torch.tensor([30 * 191 / 47, 20 * 255 / 63]) - torch.tensor(SHIFT),
        atol=0.5,
        rtol=0,
    )


def test_muon_moves_matrices_of_one_shape_as_it_moves_each_alone() -> None:
    torch.manual_seed(0)
    start = [torch.randn(8, 3, 3, 3), torch.randn(8, 27, 1, 1), torch.randn(5, 4)]
    gradients = [torch.randn_like(weight) for weight in start]

    def moved(chosen: list[int]) -> list[torch.Tensor]:
        weights = [torch.nn.Parameter(start[i].clone()) for i in chosen]
        optimiser = Muon(weights, lr=0.1, weight_decay=0.05)
        for _ in range(2):
            for weight, i in zip(weights, chosen, strict=True):
                weight.grad = gradients[i].clone()
            optimiser.step()
        return [weight.detach() for weight in weights]

    for together, i in zip(moved([0, 1, 2]), range(3), strict=True):
        torch.testing.assert_close(together, moved([i])[0], atol=2e-2, rtol=0)
        assert (together - start[i]).abs().max() > 0.01


def test_a_step_without_a_finite_gradient_leaves_the_weights_nearly_alone(tmp_path: Path) -> None:
    network = torch.nn.Linear(4, 4)
    before = copy.deepcopy(network.state_dict())

    def compute(used: float, random: torch.Generator) -> dict[str, torch.Tensor]:
        return {"loss": network(torch.full((1, 4), torch.nan)).sum()}

    plan = Plan(minutes=0.001, batch=1, lr=1e-3, weight_decay=0.0)
    run(network, None, compute, lambda _: {"held_out_ap": 0.0}, plan, tmp_path)
    for name, weight in network.state_dict().items():
        torch.testing.assert_close(weight, before[name])


def test_joined_windows_have_pixels_of_two_images() -> None:
    pictures = torch.stack([torch.full((64, 64, 3), value, dtype=torch.uint8) for value in (0, 255)])
    sizes = torch.tensor([[64, 64], [64, 64]])
    window = Window(side=32, scale=(0.3, 0.3), colour=0.0, joined=1.0)
    images = make_windows(pictures, sizes, window, torch.Generator().manual_seed(0))
    for image in images:
        assert len(image[0].round(decimals=3).unique()) >= 2
