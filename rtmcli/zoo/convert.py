"""Convert a published checkpoint into an ONNX model or another checkpoint format; nothing in it is executed."""

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
    """Read a checkpoint, load it into its network, and write the network in the format of `out`.

    Args:
        checkpoint: a `.pth` or `.safetensors` file, or an `.onnx` to take the weights from.
        out: `.onnx` (contract `plain`, with the card inside), `.safetensors` or `.pth`.
        skeleton: its skeleton, where the file does not determine it.
        input_size: (width, height) of its input, where the file does not determine it.

    Returns:
        The card of the file written.

    Raises:
        DataError: the file is damaged, contains objects that weights do not need, is of an unknown family, or does
            not fit its network: the message lists missing, extra and wrong-shaped keys.
        UsageError: the file does not determine something and no flag gives it, or a flag contradicts the file.
        MissingError: no such file, or a package is not installed.
    """
    if out.suffix not in SUFFIXES:
        raise UsageError(f"{out}: unknown format; expected a name that ends with {', '.join(SUFFIXES)}")
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent}: no such folder; create it first")
    if not checkpoint.is_file():
        raise MissingError(
            f"no checkpoint {str(checkpoint)!r}; 'rtm models pull --checkpoint NAME' downloads one"
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
