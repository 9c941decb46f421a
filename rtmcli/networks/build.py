"""From a card to its network."""

from typing import TYPE_CHECKING

from rtmcli.errors import DataError, MissingError
from rtmcli.zoo.card import Card

if TYPE_CHECKING:
    from torch import nn

SIZES = {
    "rtmpose": ("t", "s", "m", "l", "x"),
    "rtmw": ("m", "l", "x"),
    "rtmw3d": ("l", "x"),
    "rtmo": ("t", "s", "m", "l"),
    "rtmdet": ("nano", "tiny", "s", "m", "l", "x"),
    "yolox": ("nano", "tiny", "s", "m", "l", "x"),
}
# The detectors say `tiny` where RTMPose and RTMO say `t`.
OTHER_NAMES = {"tiny": "t", "t": "tiny", "n": "nano"}


def build_network(card: Card) -> "nn.Module":
    """The network that a card describes, freshly initialised, with the published state-dict keys.

    Its `forward` takes normalised images (N, 3, H, W); the docstring of its class says what it returns.

    Raises:
        DataError: the card's family, size or input size names no network of this package.
        MissingError: PyTorch is not installed.
    """
    sizes = SIZES.get(card.family)
    if sizes is None:
        families = ", ".join(SIZES)
        raise DataError(
            f"model {card.name!r}: unknown network family {card.family!r}; expected one of {families}"
        )
    size = card.size if card.size in sizes else OTHER_NAMES.get(card.size, card.size)
    if not size:
        raise DataError(
            f"{card.name}: the size of its {card.family} network is unknown; name the file like the published ones, "
            f"for example {card.family}-{sizes[-2]}.onnx"
        )
    if size not in sizes:
        known = ", ".join(sizes)
        raise DataError(
            f"model {card.name!r}: {card.family} has no size {card.size!r}; expected one of {known}"
        )
    if card.width % 32 or card.height % 32 or min(card.width, card.height) < 32:
        raise DataError(
            f"model {card.name!r}: input size {card.height}x{card.width} must be multiples of 32 pixels"
        )
    try:
        return _build(card, size)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingError(
            "PyTorch is not installed, which building a network needs; pip install 'rtmcli[torch]'"
        ) from None


def keypoint_count(card: Card) -> int:
    """The number of keypoints of a card: its codec's own, where it says so, else its skeleton's."""
    if "keypoints" in card.codec:
        return int(card.codec["keypoints"])
    if card.skeleton is None:
        raise DataError(
            f"model {card.name!r}: its card names no skeleton, from which the keypoints are counted"
        )
    from rtmcli.skeletons import load_skeleton

    return len(load_skeleton(card.skeleton).keypoints)


def _build(card: Card, size: str) -> "nn.Module":
    ratio = float(card.codec.get("ratio", 2.0))
    if card.family == "rtmpose":
        from rtmcli.networks.rtmpose import RTMPose

        return RTMPose(size, keypoint_count(card), card.width, card.height, ratio=ratio)
    if card.family == "rtmw":
        from rtmcli.networks.rtmw import RTMW

        return RTMW(size, keypoint_count(card), card.width, card.height, ratio=ratio)
    if card.family == "rtmw3d":
        from rtmcli.networks.rtmw import RTMW3D

        depth = int(card.codec.get("depth", 288))
        return RTMW3D(size, keypoint_count(card), card.width, card.height, depth=depth, ratio=ratio)
    if card.family == "rtmdet":
        from rtmcli.networks.rtmdet import RTMDet

        return RTMDet(size, len(card.classes))
    if card.family == "yolox":
        from rtmcli.networks.yolox import YOLOX

        return YOLOX(size, len(card.classes))
    from rtmcli.networks.rtmo import RTMO

    return RTMO(size, keypoint_count(card))
