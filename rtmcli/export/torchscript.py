"""A torch network to TorchScript: one file that PyTorch runs without this package, in Python or C++.

The card is in the archive's extra files, under `rtm.card`.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rtmcli.errors import UsageError
from rtmcli.export.onnx import KEEP
from rtmcli.export.torch_trace import quietly_saved, quietly_scripted, trace
from rtmcli.networks.fold import fold_batchnorm
from rtmcli.networks.graphs import Graph, OneStageGraph, build_graph
from rtmcli.zoo.card import METADATA_KEY, Card


def export_torchscript(network: nn.Module, card: Card, path: Path, *, half: bool = False) -> list[Path]:
    """Write a network under its card's contract; the batch is dynamic.

    Args:
        network: what `build_network(card)` gives, with its weights.
        path: NAME.pt; its folder must exist.
        half: weights and arithmetic of the network in float16.
    """
    graph = build_graph(fold_batchnorm(network), card)
    if half:
        if isinstance(graph, OneStageGraph):
            raise UsageError(
                f"{card.name}: RTMO is exported to TorchScript only in float32; leave --fp16 out"
            )
        graph.network = HalfNetwork(graph.network)
    shape = (2, card.height, card.width, 3) if graph.deploy else (2, 3, card.height, card.width)
    example = torch.zeros(shape, dtype=torch.uint8 if graph.deploy else torch.float32)
    script = trace(graph, [example])
    if card.task != "topdown":
        script = quietly_scripted(_suppressed(script, graph, card))
    quietly_saved(script, path, {METADATA_KEY: card.to_json()})
    return [path]


class HalfNetwork(nn.Module):
    """A network in float16 between a float32 input and float32 outputs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.half()

    def forward(self, images: Tensor) -> object:
        return _float(self.network(images.half()))


def _float(value: object) -> object:
    if isinstance(value, Tensor):
        return value.float()
    assert isinstance(value, (tuple, list))
    parts: list[Any] = [_float(part) for part in value]
    kind: Any = type(value)
    return kind(*parts) if hasattr(value, "_fields") else kind(parts)


def _suppressed(cells: nn.Module, graph: Graph, card: Card) -> nn.Module:
    score, iou = card.score if card.score is not None else 0.05, card.iou if card.iou is not None else 0.6
    if not isinstance(graph, OneStageGraph):
        return Suppressed(cells, score=score, iou=iou, keep=KEEP)
    dcc = graph.network.head.dcc
    linear = dcc.pose_to_kpts
    assert isinstance(linear, nn.Linear)  # the fused form
    # Three rows, because a trace treats a size of one as a constant.
    rows = (torch.zeros(3, linear.in_features), torch.tensor([[0.0, 0.0, 8.0, 8.0]] * 3), torch.zeros(3, 2))
    return Classified(cells, trace(dcc, rows), score=score, iou=iou, keep=KEEP)


class Suppressed(nn.Module):
    """Cells of a detector to `dets` (N, M, 5) and `labels` (N, M); padding rows have score 0."""

    def __init__(self, cells: nn.Module, *, score: float, iou: float, keep: int) -> None:
        super().__init__()
        self.cells = cells
        self.score, self.iou, self.keep = score, iou, keep

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        boxes, scores = self.cells(images)  # (N, P, 4), (N, C, P)
        dets = torch.zeros(boxes.shape[0], self.keep, 5)
        labels = torch.zeros(boxes.shape[0], self.keep, dtype=torch.int64)
        most = 1
        for n in range(boxes.shape[0]):
            cell, label, value = suppress(boxes[n], scores[n], self.score, self.iou, self.keep)
            dets[n, : len(cell)] = torch.cat([boxes[n, cell], value[:, None]], dim=1)
            labels[n, : len(cell)] = label
            most = max(most, len(cell))
        return dets[:, :most], labels[:, :most]


class Classified(nn.Module):
    """Cells of RTMO to `dets` (N, M, 5) and `keypoints` (N, M, K, 3)."""

    def __init__(self, cells: nn.Module, dcc: nn.Module, *, score: float, iou: float, keep: int) -> None:
        super().__init__()
        self.cells, self.dcc = cells, dcc
        self.score, self.iou, self.keep = score, iou, keep

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        boxes, scores, pose, visibility, centers = self.cells(images)
        dets = torch.zeros(boxes.shape[0], self.keep, 5)
        keypoints = torch.zeros(boxes.shape[0], self.keep, visibility.shape[2], 3)
        most = 1
        for n in range(boxes.shape[0]):
            cell, _, value = suppress(boxes[n], scores[n], self.score, self.iou, self.keep)
            rows = boxes[n, cell]
            dets[n, : len(cell)] = torch.cat([rows, value[:, None]], dim=1)
            if len(cell) > 0:
                points = self.dcc(pose[n, cell], rows, centers[cell])  # (M, K, 2)
                shown = visibility[n, cell].unsqueeze(2)
                keypoints[n, : len(cell)] = torch.cat([points, shown], dim=2)
            most = max(most, len(cell))
        return dets[:, :most], keypoints[:, :most]


def suppress(
    boxes: Tensor, scores: Tensor, score: float, iou: float, keep: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Cells, labels and scores of one image, best first: boxes (P, 4), scores (C, P). Written for TorchScript."""
    found = torch.nonzero(scores > score)  # (n, 2) class, cell
    values = scores[found[:, 0], found[:, 1]]
    order = torch.argsort(values, descending=True, stable=True)
    label, cell, values = found[order, 0], found[order, 1], values[order]
    own = boxes[cell]
    low = torch.maximum(own[:, None, :2], own[None, :, :2])
    high = torch.minimum(own[:, None, 2:], own[None, :, 2:])
    inner = (high - low).clamp(min=0).prod(dim=2)  # (n, n)
    area = (own[:, 2:] - own[:, :2]).prod(dim=1)
    over = (inner / (area[:, None] + area[None, :] - inner) > iou) & (label[:, None] == label[None, :])
    alive = torch.ones(len(values), dtype=torch.bool)
    for i in range(len(values)):
        if bool(alive[i]):
            alive[i + 1 :] &= ~over[i, i + 1 :]
    kept = torch.nonzero(alive)[:keep, 0]
    return cell[kept], label[kept], values[kept]
