"""From a published checkpoint to a model that runs, or to another kind of checkpoint; nothing in it is executed."""

from importlib.util import find_spec
from pathlib import Path

from rtmcli.errors import MissingError, UsageError
from rtmcli.zoo.card import Card

SUFFIXES = (".onnx", ".safetensors", ".pth")


def convert_checkpoint(
    checkpoint: Path,
    out: Path,
    *,
    skeleton: str | None = None,
    input_size: tuple[int, int] | None = None,
) -> Card:
    """Read a checkpoint, prove that it fits its network, and write it anew.

    Args:
        checkpoint: a `.pth` or `.safetensors` file, or an `.onnx` to take the weights from.
        out: `.onnx` (contract `plain`, with the card inside), `.safetensors` or `.pth`.
        skeleton: its skeleton, where the file leaves that open.
        input_size: (width, height) of its input, where the file leaves that open.

    Returns:
        The card of what was written.

    Raises:
        DataError: the file is damaged, names something that no weights need, is of no family known here, or does
            not fit: the message lists missing, extra and wrong-shaped keys.
        UsageError: something stays open and no flag tells it, or a flag contradicts the file.
        MissingError: no such file, or a package is not installed.
    """
    if out.suffix not in SUFFIXES:
        raise UsageError(
            f"{out}: the kind of file to write is not known; end its name with {', '.join(SUFFIXES)}"
        )
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent}: no such folder; make it first")
    if not checkpoint.is_file():
        raise MissingError(
            f"no checkpoint {str(checkpoint)!r}; 'rtm models pull --checkpoint NAME' fetches one"
        )
    _need(
        "torch",
        "safetensors",
        *(("onnx", "onnxscript") if ".onnx" in (out.suffix, checkpoint.suffix) else ()),
    )
    from rtmcli.networks.load import load_network

    network, card = load_network(checkpoint, skeleton=skeleton, input_size=input_size)
    if out.suffix == ".onnx":
        from rtmcli.export.onnx import export_onnx

        export_onnx(network, card, out)
    else:
        from rtmcli.networks.checkpoint import save_checkpoint

        save_checkpoint(out, network.state_dict(), card=card)
    return card


def _need(*packages: str) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingError(f"converting needs {' and '.join(missing)}: pip install 'rtmcli[export]'")
