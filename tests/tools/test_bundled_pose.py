"""What the bundled pose network needs beyond the recipes: vectors with one top each."""

import torch

from tools.bundled_models.pose import Batch, pose_loss, smooth_bins


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


def test_the_own_term_rests_on_one_narrow_top_and_disturbs_flat_and_double_ones() -> None:
    def vector(bins: int, *tops: float, sigma: float) -> torch.Tensor:
        place = torch.arange(bins)
        return torch.stack([torch.exp(-((place - top) ** 2) / (2 * sigma**2)) for top in tops]).amax(0)

    def own(*offsets: float, wider: float = 1.0) -> float:
        x = vector(384, *(200 + o for o in offsets), sigma=4.9 * wider).expand(1, 17, 384)
        y = vector(512, *(300 + o for o in offsets), sigma=5.66 * wider).expand(1, 17, 512)
        nothing = Batch(
            images=torch.zeros(1, 3, 256, 192), points=torch.zeros(1, 17, 2), weights=torch.zeros(1, 17),
            labelled=torch.zeros(1, 17, dtype=torch.bool), maps=torch.zeros(1, 17, 64, 48), zoom=torch.ones(1),
        )  # fmt: skip
        heat = torch.zeros(1, 17, 64, 48)
        return float(pose_loss((x, y), (heat, heat), nothing, 1.0)["own"])

    one = own(0)
    assert one < 0.01
    assert own(0, wider=2) > 5 * one and own(-8, 8) > 5 * one
