"""Input and output of a network in a model file: the two contracts (docs/design.md, "Models") as torch modules.

`plain` takes images that the caller has normalised. `deploy` takes pixels, (N, H, W, 3) uint8 BGR, and normalises them
itself. (A mean cannot be folded into a convolution that pads with zeros, so it stays a step.)
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rtmcli.errors import UsageError
from rtmcli.networks import yolox
from rtmcli.networks.normalise import normalise
from rtmcli.networks.rtmdet import decode_boxes
from rtmcli.networks.rtmo import RTMO
from rtmcli.zoo.card import Card


def build_graph(network: nn.Module, card: Card) -> "Graph":
    """A network with the inputs and outputs of its card's contract, in eval mode.

    Raises UsageError for a family that has no such contract.
    """
    if isinstance(network, RTMO):
        return OneStageGraph(network.to_deploy(card.height, card.width), card).eval()
    if card.family in ("rtmpose", "rtmw"):
        return PoseGraph(network, card).eval()
    if card.family == "rtmw3d" and card.contract == "plain":
        return Pose3dGraph(network, card).eval()
    if card.family == "rtmdet":
        return DetectorGraph(network, card).eval()
    if card.family == "yolox":
        return YoloxGraph(network, card).eval()
    raise UsageError(f"{card.name}: the family {card.family!r} has no {card.contract} contract")


class Graph(nn.Module):
    """A network behind the input of its card's contract. `outputs` names what `forward` returns."""

    outputs: tuple[str, ...] = ()
    mean: Tensor
    factor: Tensor

    def __init__(self, network: nn.Module, card: Card) -> None:
        super().__init__()
        self.network = network
        self.deploy = card.contract == "deploy"
        self.swap = card.color == "rgb"
        self.register_buffer("mean", torch.tensor(card.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("factor", 1 / torch.tensor(card.std).view(1, 3, 1, 1), persistent=False)

    def normalised(self, images: Tensor) -> Tensor:
        """(N, H, W, 3) uint8 BGR, or images that are normalised already, to (N, 3, H, W) float32."""
        if not self.deploy:
            return images
        return normalise(images, mean=self.mean, factor=self.factor, rgb=self.swap)


class PoseGraph(Graph):
    """RTMPose, RTMW: SimCC vectors, and with `deploy` also the keypoints decoded from them."""

    def __init__(self, network: nn.Module, card: Card) -> None:
        super().__init__(network, card)
        self.ratio = float(card.codec.get("ratio", 2.0))
        self.outputs = ("keypoints", "simcc_x", "simcc_y") if self.deploy else ("simcc_x", "simcc_y")

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        x, y = self.network(self.normalised(images))  # (N, K, 2 W), (N, K, 2 H)
        return (decode_simcc(x, y, self.ratio), x, y) if self.deploy else (x, y)


class Pose3dGraph(Graph):
    """RTMW3D: the three vectors of each keypoint."""

    outputs = ("simcc_x", "simcc_y", "simcc_z")

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        x, y, z = self.network(self.normalised(images))
        return x, y, z


class DetectorGraph(Graph):
    """RTMDet: boxes (N, P, 4) in input pixels and scores (N, C, P) of all cells, before suppression."""

    outputs = ("boxes", "scores")

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        logits, distances = self.network(self.normalised(images))
        return decode_boxes(distances), cell_scores(logits)


class YoloxGraph(DetectorGraph):
    """YOLOX: as `DetectorGraph`; a cell keeps its best class, the others score 0."""

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        maps = self.network(self.normalised(images))
        scores = cell_scores(maps.cls) * cell_scores(maps.obj)  # (N, C, P)
        best = scores == scores.amax(dim=1, keepdim=True)
        return yolox.decode_boxes(maps.bbox), torch.where(best, scores, 0.0)


class OneStageGraph(Graph):
    """RTMO, fused: the outputs of all cells, before suppression and before the classifier of the surviving cells.

    boxes (N, P, 4), scores (N, 1, P), pose vectors (N, P, D), visibility (N, P, K), cell centres (P, 2).
    """

    outputs = ("boxes", "scores", "pose", "visibility", "centers")
    network: RTMO

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        cells = self.network.cells(self.normalised(images))
        return cells.boxes, cells.scores.unsqueeze(1), cells.pose, cells.visibility, cells.priors


def decode_simcc(x: Tensor, y: Tensor, ratio: float) -> Tensor:
    """Keypoints (N, K, 3) of SimCC vectors, as `codecs.simcc.decode`: x, y in input pixels, smaller maximum."""
    scores = torch.minimum(x.amax(dim=-1), y.amax(dim=-1))  # (N, K)
    points = torch.stack([x.argmax(dim=-1), y.argmax(dim=-1)], dim=-1).float()  # (N, K, 2)
    points = torch.where(scores.unsqueeze(-1) > 0, points, -1.0) / ratio
    return torch.cat([points, scores.unsqueeze(-1)], dim=-1)


def cell_scores(logits: Sequence[Tensor]) -> Tensor:
    """[(N, C, h, w)] by level to (N, C, P), after the sigmoid."""
    return torch.cat([level.flatten(2) for level in logits], dim=2).sigmoid()
