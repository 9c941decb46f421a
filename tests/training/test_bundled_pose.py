"""What the bundled pose network needs beyond the recipes: vectors with one top each."""

import torch

from rtmcli.training.bundled_pose import smooth_bins


def tops(vector: torch.Tensor) -> int:
    """Bins that are higher than both neighbours."""
    return int(((vector[1:-1] > vector[:-2]) & (vector[1:-1] > vector[2:])).sum())


def test_smoothing_leaves_one_top_where_ripples_made_several() -> None:
    bins = torch.arange(384.0)
    bump = torch.exp(-((bins - 200) ** 2) / (2 * 4.9**2))
    ripple = 0.05 * torch.cos(bins * 2 * torch.pi / 6)
    weights = torch.stack([bump + ripple, torch.zeros(384)], dim=1)  # (bins, D)
    state = smooth_bins({"head.cls_x.weight": weights, "head.cls_y.weight": weights, "other": torch.ones(1)})
    before, after = weights[:, 0], state["head.cls_x.weight"][:, 0]
    assert tops(before[185:216]) > 1 and tops(after[185:216]) == 1
    assert int(after.argmax()) == 200
    assert state["head.cls_y.weight"].shape == (384, 2) and state["other"] == 1
