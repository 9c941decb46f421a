"""The gated attention unit, its optional parts and ScaleNorm, step by step against the reference."""

import json

import numpy as np
import pytest
import torch

from rtmcli.networks.gau import GatedAttentionUnit, ScaleNorm, rotate
from tests.helpers.catalogue import GOLDENS
from tests.helpers.fill import fill_value, golden_error

GOLDEN = np.load(GOLDENS / "special_gau.npz", allow_pickle=False)
CONFIGS = json.loads(str(GOLDEN["meta"]))["configs"]


def stored(name):
    return torch.from_numpy(GOLDEN[f"{name}.full"]).double().reshape(tuple(GOLDEN[f"{name}.shape"]))


def unit(tag):
    config = CONFIGS[tag]
    gau = GatedAttentionUnit(
        config["in_token_dims"],
        config["out_token_dims"],
        tokens=config.get("num_token", 0),
        s=config["s"],
        expansion=config["expansion_factor"],
        activation=getattr(torch.nn, config["act_fn"]),
        relative_bias=config.get("use_rel_bias", False),
        rotary=config["pos_enc"] is True,
        cross=config.get("attn_type") == "cross-attn",
    ).double()
    for key, parameter in gau.named_parameters():
        parameter.data = torch.from_numpy(fill_value(f"gau{tag}.{key}", tuple(parameter.shape))).double()
    return gau.eval()


@pytest.mark.parametrize("tag", sorted(CONFIGS))
def test_every_variant_of_the_gated_unit_agrees_at_every_step(tag):
    gau, seen = unit(tag), {}
    for name in ("ln", "act_fn", "dropout"):
        getattr(gau, name).register_forward_hook(lambda _, __, output, name=name: seen.update({name: output}))
    inputs = [stored(f"{tag}.{name}") for name in ("in", "k_in", "v_in") if f"{tag}.{name}.full" in GOLDEN]
    extra = {"pos_enc": stored("F.pos_enc")} if tag == "F" else {}
    with torch.no_grad():
        found = {"out": gau(*inputs, **extra), "main": gau.attend(*inputs, **extra)}
        if gau.relative_bias:
            found["rel_bias"] = gau.bias(inputs[0].shape[1], inputs[-1].shape[1])[None]
    found |= {"normed": seen["ln"], "kernel": seen["dropout"]}
    if not gau.cross:
        found |= dict(
            zip(("u", "v", "base"), seen["act_fn"].split([gau.e, gau.e, gau.s], dim=-1), strict=True)
        )
    steps = {key for key in found if f"{tag}.{key}.shape" in GOLDEN}
    assert "out" in steps
    errors = {key: golden_error(GOLDEN, f"{tag}.{key}", found[key]) for key in steps}
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


def test_rotary_encoding_turns_by_the_positive_exponent():
    assert golden_error(GOLDEN, "rope.out", rotate(stored("rope.in"))) < 1e-5


def test_pixel_shuffle_takes_channels_in_the_reference_order():
    assert (
        golden_error(GOLDEN, "pixel_shuffle.out", torch.nn.PixelShuffle(2)(stored("pixel_shuffle.in"))) < 1e-5
    )
