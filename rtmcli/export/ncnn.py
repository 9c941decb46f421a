"""A torch network to ncnn by pnnx: the network alone; its outputs are decoded in numpy (`engines.ncnn`)."""

import copy
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from rtmcli.engines.ncnn import card_path
from rtmcli.errors import MissingError, RtmError
from rtmcli.export.torch_trace import trace
from rtmcli.networks.csp_darknet import Focus
from rtmcli.networks.dcc import DCC
from rtmcli.networks.fold import fold_batchnorm
from rtmcli.networks.hybrid_encoder import SelfAttention, TransformerLayer
from rtmcli.networks.rtmo import RTMO
from rtmcli.zoo.card import Card


def export_ncnn(network: nn.Module, card: Card, path: Path, *, half: bool = False) -> list[Path]:
    """Write NAME.param, NAME.bin and NAME.card.json, and for RTMO its classifier as NAME.dcc.*.

    Args:
        network: what `build_network(card)` gives, with its weights.
        card: its contract must be `plain`.
        path: NAME.param; its folder must exist.
        half: store weights as float16.

    Returns:
        the files written.

    Raises:
        MissingError: pnnx is not installed.
        RtmError: pnnx fails, or keeps an operation that ncnn does not have.
    """
    parts: dict[str, tuple[nn.Module, Mapping[str, tuple[int, ...]], Sequence[str]]] = {}
    image = {"input": (1, 3, card.height, card.width)}
    if isinstance(network, RTMO):
        fused = network.to_deploy(card.height, card.width)
        parts["dcc"] = _classifier(fused.head.dcc)
        maps: nn.Module = RTMOMaps(_foldable(fused))
        names: Sequence[str] = [f"{kind}_{s}" for kind in ("cls", "box", "vis", "pose") for s in (16, 32)]
    else:
        maps, names = FlatMaps(_foldable(network)), NAMES[card.family]
    parts[""] = (maps, image, names)

    written = []
    with TemporaryDirectory(prefix=".rtm-ncnn-", dir=path.parent) as folder:
        made = []
        for suffix, (module, inputs, outputs) in parts.items():
            stem = f"{path.stem}.{suffix}" if suffix else path.stem
            param, weights = _convert(module, inputs, outputs, Path(folder) / (suffix or "net"), half=half)
            made += [(weights, path.with_name(f"{stem}.bin")), (param, path.with_name(f"{stem}.param"))]
        card_file = Path(folder) / "card"
        card_file.write_text(card.to_json() + "\n", encoding="utf-8")
        made.insert(0, (card_file, card_path(path)))
        for source, target in made:  # the .param last, because a model is opened by it
            source.replace(target)
            written.append(target)
    return written


class FlatMaps(nn.Module):
    """A network whose lists of levels become one flat tuple, kind by kind."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        flat: list[Tensor] = []
        for part in self.network(images):
            flat += [part] if isinstance(part, Tensor) else part
        return tuple(flat)


class RTMOMaps(nn.Module):
    """RTMO's maps of the test-time path: class, box, visibility and pose vector, two levels each."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        network = self.network
        maps = network.head.head_module(network.neck(network.backbone(images)), offsets=False)
        return (*maps.cls, *maps.bbox, *maps.vis, *maps.pose)


class Probabilities(nn.Module):
    """RTMO's classifier for one person: pose (1, P), bins (1, X) and (1, Y) in pixels from the cell."""

    def __init__(self, dcc: DCC) -> None:
        super().__init__()
        self.dcc = dcc

    def forward(self, pose: Tensor, bins_x: Tensor, bins_y: Tensor) -> tuple[Tensor, Tensor]:
        return self.dcc.classify(pose, bins_x, bins_y)


class Phases(nn.Module):
    """`Focus` as a convolution of ones and zeros, because ncnn has no slices with a step."""

    def __init__(self, focus: Focus) -> None:
        super().__init__()
        self.split = nn.Conv2d(3, 12, 2, stride=2, bias=False)
        self.conv = focus.conv
        kernel = torch.zeros(12, 3, 2, 2)
        for phase, (row, column) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):  # Focus's own order
            for channel in range(3):
                kernel[3 * phase + channel, channel, row, column] = 1
        self.split.weight = nn.Parameter(kernel)

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.conv(self.split(images))  # (N, 64 w, H/2, W/2)
        return out


class PlainAttention(nn.Module):
    """`SelfAttention` of RTMO's neck as linear layers: pnnx confuses keys and values of nn.MultiheadAttention."""

    def __init__(self, attention: SelfAttention) -> None:
        super().__init__()
        whole = attention.attn
        assert whole.in_proj_weight is not None and whole.in_proj_bias is not None
        self.heads, width = whole.num_heads, whole.embed_dim
        self.projections = nn.ModuleList(nn.Linear(width, width) for _ in ("q", "k", "v"))
        for part, weight, bias in zip(
            self.projections, whole.in_proj_weight.split(width), whole.in_proj_bias.split(width), strict=True
        ):
            part.weight, part.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.out = whole.out_proj

    def forward(self, tokens: Tensor, pos: Tensor) -> Tensor:
        query = tokens + pos
        q, k, v = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (N, heads, T, D / heads)
            for layer, x in zip(self.projections, (query, query, tokens), strict=True)
        )
        weights = torch.softmax(q @ k.transpose(2, 3) / q.shape[3] ** 0.5, dim=-1)  # (N, heads, T, T)
        out: Tensor = tokens + self.out((weights @ v).transpose(1, 2).flatten(2))  # (N, T, D)
        return out


NAMES: dict[str, Sequence[str]] = {
    "rtmpose": ("simcc_x", "simcc_y"),
    "rtmw": ("simcc_x", "simcc_y"),
    "rtmw3d": ("simcc_x", "simcc_y", "simcc_z"),
    "rtmdet": [f"{kind}_{s}" for kind in ("cls", "box") for s in (8, 16, 32)],
    "yolox": [f"{kind}_{s}" for kind in ("cls", "box", "obj") for s in (8, 16, 32)],
}


FLOAT32_OUT = "13=1"  # Gemm's output_elemtype


def _foldable(network: nn.Module) -> nn.Module:
    """A folded copy without the operations that ncnn lacks."""
    folded = fold_batchnorm(network)
    backbone: Any = getattr(folded, "backbone", None)
    if isinstance(getattr(backbone, "stem", None), Focus):
        backbone.stem = Phases(backbone.stem)
    for module in list(folded.modules()):
        if isinstance(module, TransformerLayer):
            # Of another class than the declared one, with the same call.
            module.self_attn = PlainAttention(module.self_attn)  # type: ignore[assignment]
    return folded.eval()


def _classifier(dcc: DCC) -> tuple[nn.Module, Mapping[str, tuple[int, ...]], Sequence[str]]:
    pose = dcc.pose_to_kpts
    assert isinstance(pose, nn.Linear)  # the fused form
    shapes = {
        "pose": (1, pose.in_features),
        "bins_x": (1, len(dcc.x_bins)),
        "bins_y": (1, len(dcc.y_bins)),
    }
    return Probabilities(copy.deepcopy(dcc)).eval(), shapes, ("prob_x", "prob_y")


def _convert(
    module: nn.Module,
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    folder: Path,
    *,
    half: bool,
) -> tuple[Path, Path]:
    """Trace the module, run pnnx in `folder` and name the blobs; returns the .param and the .bin file."""
    folder.mkdir()
    examples = tuple(torch.zeros(shape) for shape in inputs.values())
    trace(module, examples, folder / "net.pt")
    shapes = ",".join(f"[{','.join(map(str, shape))}]" for shape in inputs.values())
    run = subprocess.run(
        [str(find_pnnx()), "net.pt", f"inputshape={shapes}", f"fp16={int(half)}"],
        cwd=folder, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    param, weights = folder / "net.ncnn.param", folder / "net.ncnn.bin"
    if run.returncode or not param.is_file() or not weights.is_file():
        lines = (run.stderr + run.stdout).strip().splitlines() or ["no reason given"]
        raise RtmError(f"pnnx failed to convert this network: {lines[-1]}")
    names = {f"in{i}": name for i, name in enumerate(inputs)} | {f"out{i}": n for i, n in enumerate(outputs)}
    param.write_text(_renamed(param.read_text(), names))
    return param, weights


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """A .param text with other names of blobs. Raises RtmError for a layer that ncnn does not have."""
    magic, counts, *layers = text.splitlines()
    lines = [magic, counts]
    for layer in layers:
        kind, name, given, made, *rest = layer.split()
        if "." in kind or "::" in kind:  # an operation of torch that pnnx did not convert
            raise RtmError(f"ncnn has no {kind}, which this network needs (layer {name})")
        blobs = int(given) + int(made)
        rest[:blobs] = [names.get(blob, blob) for blob in rest[:blobs]]
        if kind == "Gemm" and rest[blobs - 1].startswith("simcc"):
            rest.append(FLOAT32_OUT)  # neighbouring bins differ by less than a step of bfloat16
        lines.append(f"{kind:<24} {names.get(name, name):<24} {given} {made} {' '.join(rest)}")
    return "\n".join(lines) + "\n"


def find_pnnx() -> Path:
    """pnnx's binary: inside its wheel, or on the PATH."""
    spec = find_spec("pnnx")
    if spec is not None and spec.origin:
        for name in ("pnnx", "pnnx.exe"):
            binary = Path(spec.origin).parent / name
            if binary.is_file():
                return binary
    found = shutil.which("pnnx")
    if found is None:
        raise MissingError("pnnx is not installed, which converting to ncnn needs; pip install pnnx ncnn")
    return Path(found)
