"""The difference of every installed engine from torch, for a model of each family. Prints JSON lines.

    python benchmarks/parity.py [--models rtmpose-t,rtmo-s,...] [--engines torch,...] [--threads 1]
    python benchmarks/parity.py --models run/best.pt --pictures FOLDER

The first line describes the machine. A row is an engine in a precision: distances in pixels of the network's input
(median, p99, worst) between the results of torch in float32 and of the engine on real images (the packaged clip).
`held` is the distance that is limited in rows with trained weights (0.1 px in float32; in lower precision 1 px, of the
keypoints scored above 0.5). The bundled rtmpose-t and rtmdet-nano have trained
weights, and so has a checkpoint that is named by its file; the other families come with random ones (detectors' norms
are set by real pictures, so that scores differ).
There an argmax jumps between distant bins as soon as precision is lowered, so for those rows `relative`, the error of
the raw vectors, is the measure. float16 is missing where no installed engine computes in it.
"""

import argparse
import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

from rtmcli.bench.machine import machine
from rtmcli.engines import open_engine
from rtmcli.engines.base import Engine
from rtmcli.errors import RtmError
from rtmcli.export.ncnn import export_ncnn
from rtmcli.export.onnx import export_onnx
from rtmcli.export.openvino import export_openvino
from rtmcli.export.parity_check import TOLERANCE, compare, sample_feeds, sample_images
from rtmcli.export.run import reference_engine
from rtmcli.export.torchscript import export_torchscript
from rtmcli.networks.build import build_network
from rtmcli.networks.load import load_network
from rtmcli.zoo.card import Card
from rtmcli.zoo.family_pixels import IMAGENET_BGR, IMAGENET_RGB
from rtmcli.zoo.resolve import find_model

BODY = {"task": "topdown", "skeleton": "coco17", "width": 192, "height": 256, **IMAGENET_RGB}
WHOLE = {**BODY, "skeleton": "coco133"}
SQUARE = {"width": 416, "height": 416, "score": 0.3, "iou": 0.65}
RANDOM: dict[str, dict[str, Any]] = {
    "rtmpose-m": {"family": "rtmpose", "size": "m", **BODY},
    "rtmw-m": {"family": "rtmw", "size": "m", **WHOLE},
    "rtmw3d-l": {"family": "rtmw3d", "size": "l", **WHOLE, "width": 288, "height": 384},
    "rtmo-s": {"family": "rtmo", "size": "s", "task": "onestage", "skeleton": "coco17", **SQUARE},
    "yolox-tiny": {"family": "yolox", "size": "tiny", "task": "detector", "classes": ("a", "b", "c"), **SQUARE},
    "rtmdet-tiny": {"family": "rtmdet", "size": "tiny", "task": "detector", "classes": ("a", "b"),
                    **IMAGENET_BGR, **SQUARE},
}  # fmt: skip
GAIN = (
    2.2  # of a fresh norm: with 1, RTMPose-m's features fall to 1e-10, where float16 ends, by the last stage
)
SCORING = ("rtm_cls", "multi_level_conv_cls", "multi_level_conv_obj", "out_cls")
TRAINED = ("rtmpose-t", "rtmdet-nano")
PRECISIONS = {
    "onnxruntime": ["float32"],
    "openvino": ["float32", "bfloat16", "float16"],
    "ncnn": ["float32", "bfloat16", "float16"],
    "torch": ["bfloat16", "float16"],
    "torchscript": ["float32"],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", default=",".join((*TRAINED, *RANDOM)), help="names or files, with commas between"
    )
    parser.add_argument("--engines", default=",".join(PRECISIONS), help="names, with commas between")
    parser.add_argument("--pictures", help="a folder or video; by default the packaged clip")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    print(json.dumps({"machine": machine()}), flush=True)
    pictures = sample_images(chosen.pictures)
    for name in chosen.models.split(","):
        network, card = random(name, pictures) if name in RANDOM else load_network(find_model(name))
        for row in rows(network, card, pictures, chosen.engines.split(","), chosen.threads):
            facts = {"model": Path(name).stem, "family": card.family, "weights": "random"}
            if name not in RANDOM:
                facts["weights"] = "trained"
                row["passed"] = "held" in row and row["held"] <= TOLERANCE[row["precision"]]
            print(json.dumps({**facts, **row}), flush=True)


def random(name: str, pictures: Any) -> tuple[nn.Module, Card]:
    """A network with random weights and features of use: a detector's norms are those of real pictures, and its scores
    are spread; a pose network's norms keep features from fading away."""
    torch.manual_seed(0)
    card = Card(name=name, **RANDOM[name])
    network = build_network(card)
    if card.task == "topdown":  # not from images: such norms make a deep random network chaotic
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.constant_(module.weight, GAIN)
        return network.eval(), card
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    plain = replace(card, contract="plain")
    feeds = sample_feeds(pictures, _Port(), plain, most=4)
    batch = torch.from_numpy(np.concatenate([feed["input"] for feed in feeds[:4]]))
    with torch.no_grad():
        network.train()(batch)
        for key, layer in network.named_modules():
            if isinstance(layer, nn.Conv2d) and any(word in key for word in SCORING):
                layer.weight *= 3  # scores from 0 to 1; fresh heads give 0.01 everywhere
                nn.init.constant_(layer.bias, -1.0)
    return network.eval(), card


def rows(
    network: nn.Module, card: Card, pictures: Any, engines: Sequence[str], threads: int
) -> Iterator[dict[str, Any]]:
    """Every engine and precision for one network, under the contract with which the engine is fastest."""
    deploy = replace(card, contract="plain" if card.family == "rtmw3d" else "deploy")
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = {
            "onnxruntime": folder / "m.onnx",
            "openvino": folder / "m.xml",
            "torchscript": folder / "m.pt",
        }
        plain = replace(card, contract="plain")
        if {"onnxruntime", "openvino"} & set(engines):
            export_onnx(network, deploy, files["onnxruntime"])
        if "openvino" in engines:
            export_openvino(files["onnxruntime"], deploy, files["openvino"])
        if "torchscript" in engines:
            export_torchscript(network, deploy, files["torchscript"])
        if "ncnn" in engines:
            files["ncnn"] = export_ncnn(network, plain, folder / "m.ncnn.param")[-1]
        references = {c.contract: reference_engine(network, c) for c in (deploy, plain)}
        for engine, precisions in PRECISIONS.items():
            if engine not in engines:
                continue
            its_card = plain if engine == "ncnn" else deploy
            reference = references[its_card.contract]
            for precision in precisions:
                row = {"engine": engine, "precision": precision, "contract": its_card.contract}
                try:
                    if engine == "torch":
                        opened: Engine = type(reference)(
                            copy.deepcopy(reference.graph),
                            its_card,
                            device=torch.device("cpu"),
                            precision=precision,
                            threads=threads,
                        )
                    else:
                        opened = open_engine(
                            files[engine], engine="torch" if engine == "torchscript" else engine,
                            precision=precision, threads=threads,
                        )  # fmt: skip
                    parity = compare(reference, opened, its_card, pictures, precision=precision)
                    relative = relative_error(reference, opened, its_card, pictures)
                except RtmError as error:
                    yield {**row, "error": str(error)}
                    continue
                keys = (
                    "what",
                    "compared",
                    "unmatched",
                    "median",
                    "p99",
                    "worst",
                    "score",
                    "similarity",
                    "p99_confident",
                )
                measured = {k: v for k, v in parity.to_dict().items() if k in keys}
                yield {**row, **measured, "held": round(parity.p99_held, 4), "relative": relative}


def relative_error(reference: Engine, opened: Engine, card: Card, pictures: Any) -> float | None:
    """Norm of the difference of the raw vectors over their norm; None for detectors, whose raw maps stay inside."""
    if card.task != "topdown":
        return None
    names = [port.name for port in reference.outputs if port.name.startswith("simcc")]
    differences, sizes = 0.0, 0.0
    for feed in sample_feeds(pictures, reference, card, most=8):
        a, b = reference(feed, names), opened(feed, names)
        differences += sum(float(((a[name] - b[name]) ** 2).sum()) for name in names)
        sizes += sum(float((a[name] ** 2).sum()) for name in names)
    return (differences / sizes) ** 0.5


class _Port:
    """What `sample_feeds` asks of an engine: the name of its input."""

    name = "input"
    inputs: tuple[Any, ...] = ()

    def __init__(self) -> None:
        self.inputs = (self,)


if __name__ == "__main__":
    main()
