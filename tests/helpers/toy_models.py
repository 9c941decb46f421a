"""Small networks with random weights, as checkpoints."""

from pathlib import Path

import torch

from rtmcli.networks.checkpoint import save_checkpoint
from rtmcli.networks.rtmpose import RTMPose
from rtmcli.zoo.card import Card

TOY_POSE_CARD = Card(
    name="toy", family="rtmpose", size="t", task="topdown", skeleton="coco17", width=64, height=96,
    mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), color="rgb", codec={"name": "simcc", "ratio": 2.0},
)  # fmt: skip


def write_toy_pose_model(path: Path) -> None:
    """An RTMPose-t for crops of 64x96 as a .safetensors file with its card."""
    torch.manual_seed(0)
    save_checkpoint(path, RTMPose("t", 17, 64, 96).state_dict(), card=TOY_POSE_CARD)
