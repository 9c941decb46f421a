"""Fresh networks start as the reference's training does (measured bounds and deviations, spec-networks 0.7)."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from rtmcli.networks.build import build_network
from tests.helpers.catalogue import card_of


def fresh(name):
    torch.manual_seed(0)
    return build_network(card_of(name))


def bare_convolutions(module):
    return [part for part in module.modules() if isinstance(part, nn.Conv2d) and part.bias is not None]


@pytest.mark.parametrize(
    "name", ["rtmpose-t_coco17_256x192", "rtmw-m_coco133_256x192", "rtmdet-s_coco80_640"]
)
def test_backbone_and_neck_start_uniform_with_biases_at_zero(name):
    network = fresh(name)
    for part in (network.backbone, getattr(network, "neck", nn.Identity())):
        for convolution in (m for m in part.modules() if isinstance(m, nn.Conv2d)):
            bound = 1 / math.sqrt(convolution.weight[0].numel())
            assert 0.9 * bound < convolution.weight.abs().max() <= bound
        assert all(bool((convolution.bias == 0).all()) for convolution in bare_convolutions(part))
        for norm in (m for m in part.modules() if isinstance(m, nn.BatchNorm2d)):
            assert bool((norm.weight == 1).all()) and bool((norm.bias == 0).all())


def test_the_pose_head_starts_small():
    head = fresh("rtmpose-t_coco17_256x192").head
    assert head.final_layer.weight.std().item() == pytest.approx(0.001, rel=0.05)
    assert bool((head.final_layer.bias == 0).all())
    for linear in (head.mlp[1], head.gau.uv, head.gau.o, head.cls_x, head.cls_y):
        assert linear.weight.std().item() == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("name", ["rtmpose-t_coco17_256x192", "rtmw-m_coco133_256x192"])
def test_the_gated_unit_starts_with_random_affine_and_scales_of_one(name):
    gau = fresh(name).head.gau
    for parameter in (gau.gamma, gau.beta):
        assert 0 <= parameter.min() < 0.1 and 0.9 < parameter.max() < 1
    assert bool((gau.ln.g == 1).all()) and bool((gau.res_scale.scale == 1).all())


def test_the_whole_body_head_starts_by_its_fan_out():
    head = fresh("rtmw-m_coco133_256x192").head
    for layer in (head.conv_dec, head.final_layer, head.final_layer2):
        expected = math.sqrt(2 / (49 * layer.conv.out_channels))
        assert layer.conv.weight.std().item() == pytest.approx(expected, rel=0.05)
    for linear in (head.mlp[1], head.mlp2[1], head.cls_x):
        assert linear.weight.std().item() == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("name", ["rtmdet-nano_person_320", "rtmdet-s_coco80_640"])
def test_the_detector_head_starts_small_and_expects_one_object_in_a_hundred(name):
    head = fresh(name).bbox_head
    every = torch.cat([m.weight.flatten() for m in head.modules() if isinstance(m, nn.Conv2d)])
    assert every.std().item() == pytest.approx(0.01, rel=0.05)
    for level in head.rtm_cls:
        assert bool(torch.isclose(level.bias.sigmoid(), torch.tensor(0.01)).all())
    assert all(bool((level.bias == 0).all()) for level in head.rtm_reg)


def test_only_the_large_depth_model_drops_attention_in_training():
    with torch.device("meta"):
        rates = {
            size: build_network(card_of(f"rtmw3d-{size}_coco133_384x288")).head.gau.dropout.p for size in "lx"
        }
    assert rates == {"l": 0.1, "x": 0.0}


def test_a_card_without_a_count_takes_its_skeletons_keypoints():
    card = replace(card_of("rtmpose-t_halpe26_256x192"), codec={"name": "simcc"})
    with torch.device("meta"):
        assert build_network(card).head.final_layer.out_channels == 26
