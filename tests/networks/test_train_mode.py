"""One pass in train mode gives the reference's outputs, batch-norm buffers, loss and gradients."""

import json
import re

import numpy as np
import pytest

from tests.helpers.catalogue import GOLDENS, filled_network
from tests.helpers.fill import golden_error, golden_input
from tests.networks.test_net_goldens import outputs

GOLDEN = np.load(GOLDENS / "special_train_mode.npz", allow_pickle=False)
CASES = json.loads(str(GOLDEN["meta"]))["models"]


@pytest.mark.parametrize("case", sorted(CASES))
def test_train_mode_agrees_with_the_reference(case):
    name = CASES[case]["model"]
    seed, shape = re.fullmatch(r"golden_input\('([\w-]+)',(\[.*\])\)", CASES[case]["input"]).groups()
    network = filled_network(name).train()
    found = outputs(name, network(golden_input(seed, json.loads(shape)).double()))
    loss = sum((tensor**2).mean() for tensor in found.values())
    loss.backward()

    parameters, buffers = dict(network.named_parameters()), dict(network.named_buffers())
    checked = 0
    for key in GOLDEN.files:
        if not key.startswith(f"{case}.") or not key.endswith(".shape"):
            continue
        tensor = key.removesuffix(".shape")
        kind, _, rest = tensor.removeprefix(f"{case}.").partition(".")
        value = {"buffer": buffers.get(rest), "grad": None}.get(kind, found.get(kind))
        if kind == "grad":
            value = parameters[rest].grad
        assert value is not None, tensor
        assert golden_error(GOLDEN, tensor, value) < 1e-5, tensor
        checked += 1
    assert checked > 5

    assert loss.item() == pytest.approx(float(GOLDEN[f"{case}.loss"]), rel=1e-6)
    without = {key for key, parameter in parameters.items() if parameter.grad is None}
    assert without == set(GOLDEN[f"{case}.params_without_grad"].tolist()) - {""}
    squares = sum(float((p.grad**2).sum()) for p in parameters.values() if p.grad is not None)
    assert squares**0.5 == pytest.approx(float(GOLDEN[f"{case}.grad_norm"]), rel=1e-6)
