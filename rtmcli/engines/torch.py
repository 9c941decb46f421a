"""PyTorch: opens .onnx, .pth, .safetensors and .pt files, on the CPU or a CUDA device.

Tensors are channels-last. On CUDA each batch size is recorded as a CUDA graph.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.engines import torchscript
from rtmcli.engines.base import Arrays, Port, split_device
from rtmcli.engines.runtime_errors import running
from rtmcli.engines.torchscript import TorchScriptEngine
from rtmcli.errors import MissingError, UsageError
from rtmcli.zoo.card import Card

MAX_GRAPHS = 16  # batch sizes recorded at a time: each holds its own activations
KEEP = 100  # boxes or people of an image, as in our ONNX exports


class TorchEngine:
    """A network under its card's contract (`networks.graphs`); the engine owns it. `open_model` makes one."""

    def __init__(self, graph: Any, card: Card, *, device: Any, precision: str, threads: int) -> None:
        import torch

        from rtmcli.networks.layers import FullPrecision

        self.card = card
        if precision == "bfloat16":
            # Half of the error that bfloat16 adds to a pose comes from the stem.
            graph.network.backbone.stem = FullPrecision(graph.network.backbone.stem)
        self.graph = graph.eval().to(device=device, memory_format=torch.channels_last)
        self._device, self._precision, self._threads = device, precision, threads
        self._captured: dict[tuple[int, ...], _Capture] = {}
        self._lock = threading.Lock()  # CUDA graphs share their static tensors
        # RTMDet is fully convolutional: its card's size is only the default.
        sides = (None, None) if card.family == "rtmdet" else (card.height, card.width)
        if card.contract == "deploy":
            self.inputs = [Port("image", (None, *sides, 3), "uint8")]
        else:
            self.inputs = [Port("input", (None, 3, *sides), "float32")]
        self.outputs = _outputs(card, graph.outputs)

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        import torch

        with torch.inference_mode():
            images = torch.from_numpy(np.ascontiguousarray(feeds[self.inputs[0].name]))
            with running("torch", self.card.name), self._lock:
                values = self._run(images.to(self._device))
                found = dict(zip(self.graph.outputs, (value.float() for value in values), strict=True))
                if self.card.task != "topdown":
                    found = _finish(found, self.graph, self.card)
                wanted = list(names) if names is not None else [port.name for port in self.outputs]
                return {name: found[name].cpu().numpy() for name in wanted}

    def facts(self) -> dict[str, Any]:
        import torch

        name = torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else "cpu"
        return {
            "engine": "torch",
            "version": torch.__version__,
            "device": str(self._device),
            "providers": [name],
            "precision": self._precision,
            "threads": self._threads,
        }

    def _run(self, images: Any) -> Any:
        if self._device.type != "cuda":
            return self._forward(images)
        shape = tuple(images.shape)
        if shape not in self._captured:
            if len(self._captured) >= MAX_GRAPHS:
                self._captured.pop(next(iter(self._captured)))
            self._captured[shape] = _Capture(self._forward, images)
        return self._captured[shape](images)

    def _forward(self, images: Any) -> Any:
        import torch

        if self._precision == "float32":
            # cuDNN would round the inputs of convolutions to TF32, which has 10 bits of mantissa
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                return self.graph(images)
        dtype = getattr(torch, self._precision)
        with torch.autocast(self._device.type, dtype=dtype):
            return self.graph(images)


class _Capture:
    """One CUDA graph: the kernels of a forward pass, recorded once and then launched together."""

    def __init__(self, forward: Any, images: Any) -> None:
        import torch

        self._images = images.clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # lets the libraries choose their kernels before the recording
            for _ in range(3):
                forward(self._images)
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._values = forward(self._images)

    def __call__(self, images: Any) -> Any:
        self._images.copy_(images)
        self._graph.replay()
        return self._values


def open_model(path: Path, *, device: str, precision: str, threads: int) -> TorchEngine | TorchScriptEngine:
    """Build the network of a model file on one device; errors as for `engines.open_engine`."""
    kind, index = split_device(device)
    if kind not in ("cpu", "cuda"):
        raise UsageError(f"the torch engine has no device {device!r}; expected cpu or cuda")
    if path.suffix == torchscript.SUFFIX:
        return torchscript.open_script(path, device=device, precision=precision, threads=threads)
    if precision == "int8":
        raise UsageError(
            "the torch engine has no int8; use --engine onnxruntime with a model exported with --int8"
        )
    from rtmcli.networks.load import load_network

    # Raises MissingError where PyTorch is not installed, so it comes before `import torch`.
    network, card = load_network(path)

    import torch

    from rtmcli.networks.fold import fold_batchnorm
    from rtmcli.networks.graphs import build_graph

    if kind == "cuda" and index >= torch.cuda.device_count():
        raise MissingError(
            f"torch {torch.__version__} sees {torch.cuda.device_count()} CUDA devices, not {device}; "
            "use --device cpu, or install a CUDA build of torch and the NVIDIA driver"
        )
    torch.set_num_threads(threads)
    where = torch.device(kind, index) if kind == "cuda" else torch.device("cpu")
    graph = build_graph(fold_batchnorm(network), card)
    return TorchEngine(graph, card, device=where, precision=precision, threads=threads)


def _outputs(card: Card, names: Sequence[str]) -> list[Port]:
    """The ports as the same model's ONNX file has them."""
    if card.task == "detector":
        return [Port("dets", (None, None, 5), "float32"), Port("labels", (None, None), "int64")]
    if card.task == "onestage":
        return [Port("dets", (None, None, 5), "float32"), Port("keypoints", (None, None, None, 3), "float32")]
    return [Port(name, (None, None, 3 if name == "keypoints" else None), "float32") for name in names]


def _finish(found: dict[str, Any], graph: Any, card: Card) -> dict[str, Any]:
    """Non-maximum suppression of a detector's cells, and RTMO's classifier on the rest; one image at a time.

    The suppression runs on the CPU: its loop waits for each result, which takes longer on a GPU.
    """
    import torch
    from torch.nn.utils.rnn import pad_sequence

    from rtmcli.networks.rtmdet import nms_by_class

    score, iou = card.score if card.score is not None else 0.05, card.iou if card.iou is not None else 0.6
    tables = []
    boxes_cpu, scores_cpu = found["boxes"].cpu(), found["scores"].cpu()
    for n, (boxes, scores) in enumerate(zip(boxes_cpu, scores_cpu, strict=True)):  # (P, 4), (C, P)
        labels, cells = torch.nonzero(scores > score, as_tuple=True)
        values = scores[labels, cells]
        kept = nms_by_class(boxes[cells], values, labels, iou)[:KEEP]
        cells, values, labels = cells[kept], values[kept], labels[kept]
        rows = {"dets": torch.cat([boxes[cells], values[:, None]], dim=1), "labels": labels}  # (M, 5), (M,)
        if card.task == "onestage":
            near = cells.to(found["pose"].device)
            points = graph.network.head.dcc(
                found["pose"][n, near], found["boxes"][n, near], found["centers"][near]
            )
            rows["keypoints"] = torch.cat([points, found["visibility"][n, near, :, None]], dim=2)  # (M, K, 3)
        tables.append(rows)
    # Padding rows have score 0.
    return {name: pad_sequence([rows[name] for rows in tables], batch_first=True) for name in tables[0]}
