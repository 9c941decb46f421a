"""Parameter groups and the moving average equal the reference's."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from rtmcli.networks.rtmdet import RTMDet
from rtmcli.networks.rtmo import RTMO
from rtmcli.networks.rtmpose import RTMPose
from rtmcli.networks.rtmw import RTMW
from rtmcli.training.optim.adamw import make_optimiser, parameter_groups
from rtmcli.training.optim.ema import Ema, exp_momentum

GOLDENS = Path(__file__).parents[2] / "goldens"
GROUPS = json.loads((GOLDENS / "param_groups.json").read_text())
NETWORKS = {
    "rtmpose-t": lambda: RTMPose("t", 17, 192, 256),
    "rtmpose-m": lambda: RTMPose("m", 17, 192, 256),
    "rtmw-m": lambda: RTMW("m", 133, 192, 256),
    "rtmo-t": lambda: RTMO("t", 17),
    "rtmo-s": lambda: RTMO("s", 17),
    "rtmdet-nano": lambda: RTMDet("nano", 1),
}


@pytest.mark.parametrize("name", GROUPS)
def test_each_parameter_is_in_the_reference_s_group(name: str) -> None:
    golden = GROUPS[name]
    with torch.device("meta"):
        model = NETWORKS[name]()
    numbers = golden["optimizer"]
    slower = {key: entry["lr_mult"] for key, entry in golden["paramwise"].get("custom_keys", {}).items()}
    groups = parameter_groups(model, lr=numbers["lr"], weight_decay=numbers["weight_decay"], slower=slower)
    parameters = dict(model.named_parameters())
    named = {f"lr={rate:g},wd={decay:g}": names for (rate, decay), names in groups.items()}
    counted = {
        key: {"tensors": len(names), "elements": sum(parameters[n].numel() for n in names)}
        for key, names in named.items()
    }
    assert counted == golden["groups"]
    for key, members in golden.get("members", {}).items():
        assert named[key] == members


def test_the_optimiser_leaves_frozen_parameters_out() -> None:
    model = RTMPose("t", 3, 32, 32)
    model.backbone.requires_grad_(False)
    optimiser = make_optimiser(model, lr=1e-3, weight_decay=0.05)
    held = sum(len(group["params"]) for group in optimiser.param_groups)
    assert held == len(list(model.head.parameters()))


class Small(torch.nn.Module):
    """The golden's model: one linear layer and a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)
        self.bn = torch.nn.BatchNorm1d(2)


def test_the_average_follows_the_reference_for_young_and_old_models() -> None:
    golden = np.load(GOLDENS / "ema.npz", allow_pickle=False)
    steps = sorted({int(key.split("_")[1]) for key in golden if key.startswith("src_")})
    model = Small()
    average = Ema(model)
    for step in steps:
        source = {
            k.split("__")[1]: torch.from_numpy(golden[k]) for k in golden if k.startswith(f"src_{step}__")
        }
        model.load_state_dict(source)
        if step > 7:
            average.updates = 5000
        average.update(model)
        for name, value in average.model.state_dict().items():
            np.testing.assert_allclose(value.numpy(), golden[f"ema_{step}__{name}"], rtol=1e-6, atol=1e-6)


def test_the_momentum_falls_as_the_reference_s_does() -> None:
    golden = np.load(GOLDENS / "ema.npz", allow_pickle=False)
    for step, value in zip(golden["momentum_steps"], golden["momentum_values"], strict=True):
        assert exp_momentum(int(step)) == pytest.approx(float(value), rel=1e-6)
