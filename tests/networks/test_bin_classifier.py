"""SimCC vectors are float32 whatever the network around them computes in, or their maxima would tie."""

import pytest
import torch

from rtmcli.networks.layers import BinClassifier, FullPrecision


@pytest.fixture
def layer() -> BinClassifier:
    """Bins along a parabola whose top is between two bins, nearly as high as each other."""
    layer = BinClassifier(1, 9)
    height = 0.9 - 1e-4 * (torch.arange(9) - 4.2) ** 2
    layer.weight = torch.nn.Parameter(height[:, None], requires_grad=False)
    return layer


def test_a_maximum_is_found_under_autocast_where_a_plain_linear_layer_has_ties(layer: BinClassifier) -> None:
    token = torch.ones(1, 1, 1)
    plain = torch.nn.Linear(1, 9, bias=False)
    plain.weight = layer.weight
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = layer(token), plain(token)
    assert ours.dtype == torch.float32 and int(ours.argmax()) == 4
    assert len(theirs.unique()) == 1


def test_half_weights_still_give_a_float32_vector(layer: BinClassifier) -> None:
    vector = layer.half()(torch.ones(1, 1, 1, dtype=torch.float16))
    assert vector.dtype == torch.float32


def test_a_part_in_full_precision_gives_what_it_gives_without_autocast() -> None:
    part = torch.nn.Linear(8, 8)
    x = torch.rand(2, 8)
    with torch.autocast("cpu", torch.bfloat16):
        full, rough = FullPrecision(part)(x), part(x)
    assert rough.dtype == torch.bfloat16
    torch.testing.assert_close(full, part(x), rtol=0, atol=0)
