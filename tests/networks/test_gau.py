"""The gated attention unit and ScaleNorm, step by step against the reference."""

import json

import numpy as np
import pytest
import torch

from rtmcli.networks.gau import GatedAttentionUnit, ScaleNorm
from tests.helpers.catalogue import GOLDENS
from tests.helpers.fill import fill_value, golden_error

GOLDEN = np.load(GOLDENS / "special_gau.npz", allow_pickle=False)
CONFIGS = json.loads(str(GOLDEN["meta"]))["configs"]


def stored(name):
    return torch.from_numpy(GOLDEN[f"{name}.full"]).double().reshape(tuple(GOLDEN[f"{name}.shape"]))


def unit(tag):
    config = CONFIGS[tag]
    gau = GatedAttentionUnit(config["in_token_dims"], s=config["s"]).double()
    for key, parameter in gau.named_parameters():
        parameter.data = torch.from_numpy(fill_value(f"gau{tag}.{key}", tuple(parameter.shape))).double()
    return gau.eval()


@pytest.mark.parametrize("tag", ["A", "F"])  # as in RTMPose and RTMW; with learned positions, as in RTMO
def test_the_gated_unit_agrees_with_the_reference_at_every_step(tag):
    gau, seen = unit(tag), {}
    for name in ("ln", "act_fn", "dropout"):
        getattr(gau, name).register_forward_hook(lambda _, __, output, name=name: seen.update({name: output}))
    with torch.no_grad():
        out = gau(stored(f"{tag}.in"), stored("F.pos_enc") if tag == "F" else None)
    u, v, base = seen["act_fn"].split([gau.e, gau.e, gau.s], dim=-1)
    found = {"out": out, "normed": seen["ln"], "kernel": seen["dropout"], "u": u, "v": v, "base": base}
    errors = {
        key: golden_error(GOLDEN, f"{tag}.{key}", value)
        for key, value in found.items()
        if f"{tag}.{key}.shape" in GOLDEN
    }
    assert "out" in errors
    assert {key: error for key, error in errors.items() if error > 1e-5} == {}


def test_scale_norm_keeps_a_zero_row_zero_and_clamps_a_small_one():
    norm = ScaleNorm(6).double()
    norm.g.data = stored("scalenorm.g")
    rows = stored("scalenorm.in")
    out = norm(rows)
    assert golden_error(GOLDEN, "scalenorm.out", out) < 1e-5
    zero = rows.abs().sum(-1) == 0
    assert zero.any() and bool((out[zero] == 0).all())


@pytest.mark.parametrize("size", [1e-3, 1.0, 3000.0])
def test_scale_norm_of_half_floats_is_that_of_whole_ones_however_large_the_norm(size):
    rows = (torch.randn(4, 1024, generator=torch.Generator().manual_seed(0)) * size).half()
    half = ScaleNorm(1024).half()(rows)
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), ScaleNorm(1024)(rows.float()), atol=2e-3, rtol=1e-3)


def test_pixel_shuffle_takes_channels_in_the_reference_order():
    assert (
        golden_error(GOLDEN, "pixel_shuffle.out", torch.nn.PixelShuffle(2)(stored("pixel_shuffle.in"))) < 1e-5
    )
