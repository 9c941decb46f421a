"""Initial weights from another model, frozen parts, and the trained model's file."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from rtmcli.errors import UsageError
from rtmcli.networks.build import build_network
from rtmcli.networks.checkpoint import Misfit, load_checkpoint, load_partial, save_checkpoint
from rtmcli.networks.from_onnx import load_onnx_weights
from rtmcli.training.model import make_card
from rtmcli.training.recipe import Recipe
from rtmcli.zoo.metadata import read_card
from rtmcli.zoo.resolve import find_weights


def start_from(network: nn.Module, model: str | Path) -> Misfit:
    """Copy the weights that fit into a network and return those that do not.

    A head for other keypoints or another input size has other shapes and keeps its fresh weights.

    Args:
        model: the name of a bundled or fetched model, or a `.pth`, `.safetensors` or exported `.onnx` file.

    Raises:
        MissingError: the model is not here; the message has the command that fetches its checkpoint.
        DataError: the file is damaged. UsageError: an ONNX file without a card.
    """
    file = find_weights(model)
    if file.suffix != ".onnx":
        return load_partial(network, load_checkpoint(file))
    card = read_card(file)
    if card is None:
        raise UsageError(
            f"{file} has no card, so its network is not known; choose a .pth or .safetensors file"
        )
    source = build_network(card)
    load_onnx_weights(file, source)
    return load_partial(network, source.state_dict())


def freeze_part(network: nn.Module, part: str) -> None:
    """Exclude a part (`backbone`, `neck`, `head`) from training: no gradients, and its norms keep their statistics."""
    names = [name for name, _ in network.named_children()]
    if part not in names:
        raise UsageError(f"the network has no part {part!r} to freeze; it has {', '.join(names)}")
    network.get_submodule(part).requires_grad_(False)


def freeze_norms(network: nn.Module, *, every: bool) -> None:
    """Batch norms of frozen parts (with `every`, all of them) use their stored statistics and do not update them."""
    for part in network.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and (every or not part.weight.requires_grad):
            part.eval()


def save_model(network: nn.Module, recipe: Recipe, path: Path) -> None:
    """Write the weights with the model's card; `rtm export` accepts the file.

    A backbone pretrained with a heatmap head gets no card: it serves `--init` only.

    Example:
        from pathlib import Path

        from rtmcli import load_recipe, make_network, save_model

        recipe = load_recipe("rtmpose-t")
        save_model(make_network(recipe), recipe, Path("untrained.safetensors"))
    """
    save_checkpoint(path, network.state_dict(), card=None if recipe.topdown.heatmap else make_card(recipe))
