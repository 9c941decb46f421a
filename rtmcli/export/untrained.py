"""Networks with seeded random weights, for measuring speed."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from rtmcli.errors import UsageError
from rtmcli.zoo.card import Card
from rtmcli.zoo.names import find_entry, unknown_model


def untrained_model(
    name: str, folder: Path, *, contract: Literal["plain", "deploy"] = "deploy", score: float | None = None
) -> Path:
    """Export a published network with random weights, the same ones every time.

    Args:
        name: of a published model (`rtmpose-m`, `rtmo-s`).
        folder: where to write it.
        contract: of the file.
        score: the threshold inside of a detector's or a one-stage model's file, instead of its card's.

    Raises:
        MissingError: no such model, or PyTorch or onnx is not installed.
        UsageError: a model whose structure is not implemented.
    """
    entry = find_entry(name)
    if entry is None:
        raise unknown_model(name)
    if not entry.buildable:
        raise UsageError(f"the structure of {entry.name} is not implemented; name another model")
    card = replace(
        entry.card(), name=f"{entry.name}-untrained", contract=contract, figures={}, training="", origin="rtm"
    )
    if score is not None:
        card = replace(card, score=score)
    path = folder / f"{card.name}-{contract}.onnx"
    _export(card, path)
    return path


def _export(card: Card, path: Path) -> None:
    from rtmcli.errors import MissingError
    from rtmcli.networks.build import build_network

    try:
        import torch

        from rtmcli.export.onnx import export_onnx
    except ImportError as error:
        raise MissingError(
            f"{error.name} is not installed, which random weights need; pip install 'rtmcli[export]'"
        ) from None
    torch.manual_seed(0)
    network = build_network(card)
    shape = (1, 3, 1, 1)
    pixels = 255 * torch.rand(2, 3, card.height, card.width)
    images = (pixels - torch.tensor(card.mean).view(shape)) / torch.tensor(card.std).view(shape)
    with torch.no_grad():
        # Batch norms measured on noise keep the activations of all layers finite and different from zero.
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None
        network.train()(images)
        network.eval()
        if card.task == "topdown":
            # Peaks of 1, as in trained networks: the pipeline drops people with low keypoint scores.
            for name, vector in zip(
                ("head.cls_x", "head.cls_y"), network(images), strict=False
            ):  # (2, K, bins)
                network.get_parameter(f"{name}.weight").div_(vector.amax(dim=-1).mean())
    export_onnx(network, card, path)
