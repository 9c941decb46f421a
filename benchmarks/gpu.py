"""Speed and accuracy of the torch engine on a CUDA GPU. Prints JSON lines; takes about two minutes.

    python benchmarks/gpu.py [--models rtmpose-t,rtmdet-nano,...] [--clip VIDEO] [--device cuda]

The first line describes the machine. `what` says what a row is:

- `speed`: milliseconds of one batch. `call` is `Engine.__call__` from numpy to numpy; `graph` is the recorded CUDA
  graph and `eager` the same kernels launched one by one, both with the images on the GPU.
- `parity`: the engine's raw outputs against the same network in float64 on the GPU (`relative`: norm of the difference
  over norm), and its keypoints against those of float64 in pixels of the input. RTMPose-t has trained weights; of
  random weights only `relative` means something.
- `crops`: 50 people of one image in one batch, and one by one.
- `clip`: `rtm pose` of a whole clip, on the GPU and on the CPU, and how far their keypoints differ.

rtmpose-t and rtmdet-nano have the bundled weights, the others random ones.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import parity
import torch

from rtmcli.bench.machine import machine
from rtmcli.engines.torch import TorchEngine
from rtmcli.export.parity_check import sample_feeds, sample_images
from rtmcli.inference.topdown import TopDown
from rtmcli.media.source_names import DEMO
from rtmcli.networks.fold import fold_batchnorm
from rtmcli.networks.graphs import build_graph
from rtmcli.networks.load import load_network
from rtmcli.zoo.card import Card
from rtmcli.zoo.resolve import find_model

MODELS = ("rtmpose-t", "rtmpose-m", "rtmdet-nano", "rtmdet-m", "rtmo-s", "rtmw-l")
RANDOM: dict[str, dict[str, Any]] = {
    "rtmdet-m": {**parity.RANDOM["rtmdet-tiny"], "size": "m", "width": 640, "height": 640},
    "rtmo-s": {**parity.RANDOM["rtmo-s"], "width": 640, "height": 640},
    "rtmw-l": {**parity.RANDOM["rtmw-m"], "size": "l"},
}
BATCHES = (1, 8, 64)
PRECISIONS = ("float32", "float16", "bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(MODELS), help="names, with commas between")
    parser.add_argument("--batches", default=",".join(map(str, BATCHES)), help="with commas between")
    parser.add_argument("--clip", type=Path, default=DEMO, help="for the end-to-end row")
    parser.add_argument("--device", default="cuda")
    chosen = parser.parse_args()
    parity.RANDOM.update(RANDOM)
    show(machine=machine(), **accelerators(chosen.device))
    pictures = sample_images(None)
    for name in chosen.models.split(","):
        network, card = (
            parity.random(name, pictures) if name in parity.RANDOM else load_network(find_model(name))
        )
        network, card = fold_batchnorm(network), replace(card, contract="deploy")
        show(**double_parity(network, card, pictures, chosen.device))
        for row in speeds(network, card, [int(n) for n in chosen.batches.split(",")], chosen.device):
            show(**row)
    show(**crops(chosen.device))
    show(**clip(chosen.clip, chosen.device))


def show(**row: Any) -> None:
    print(json.dumps(row), flush=True)


def accelerators(device: str) -> dict[str, Any]:
    """The GPU, and what else could run on it."""
    import onnxruntime

    found: dict[str, Any] = {"onnxruntime_providers": onnxruntime.get_available_providers()}
    if device.startswith("cuda"):
        found |= {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    return found


def open_at(network: torch.nn.Module, card: Card, precision: str, device: str) -> TorchEngine:
    graph = build_graph(copy.deepcopy(network), card)
    return TorchEngine(
        graph, card, device=torch.device(device), precision=precision, threads=os.cpu_count() or 1
    )


def speeds(network: torch.nn.Module, card: Card, batches: list[int], device: str) -> Iterator[dict[str, Any]]:
    for precision in PRECISIONS:
        engine = open_at(network, card, precision, device)
        for batch in batches:
            row = {"what": "speed", "model": card.name, "precision": precision, "batch": batch}
            times = time_engine(engine, batch, card, device)
            yield {**row, **times, "per_second": round(1000 * batch / times["call"], 1)}


def time_engine(engine: TorchEngine, batch: int, card: Card, device: str) -> dict[str, float]:
    shape = (batch, card.height, card.width, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    if engine.inputs[0].dtype == "float32":
        images = images.transpose(0, 3, 1, 2).astype(np.float32)
    feed = {engine.inputs[0].name: images}
    on_device = torch.from_numpy(images).to(device)
    with torch.inference_mode():
        return {
            "call": milliseconds(lambda: engine(feed), device),
            "graph": milliseconds(lambda: engine._run(on_device), device),
            "eager": milliseconds(lambda: engine._forward(on_device), device),
        }


def milliseconds(call: Callable[[], object], device: str) -> float:
    """Median of 20 calls (or of half a second's) after 3."""
    times: list[float] = []
    for i in range(23):
        began = time.perf_counter()
        call()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        if i >= 3:
            times.append(1000 * (time.perf_counter() - began))
        if sum(times) > 500:
            break
    return round(float(np.median(times)), 3)


def double_parity(network: torch.nn.Module, card: Card, pictures: Any, device: str) -> dict[str, Any]:
    """The raw outputs of each precision against float64, on real images."""
    plain = replace(card, contract="plain")
    exact = build_graph(copy.deepcopy(network), plain).double().to(device).eval()
    row: dict[str, Any] = {"what": "parity", "model": card.name}
    for precision in PRECISIONS:
        engine = open_at(network, plain, precision, device)
        images = [feed[engine.inputs[0].name] for feed in sample_feeds(pictures, engine, plain, most=8)]
        batch = torch.from_numpy(np.concatenate(images)).to(device)
        with torch.inference_mode():
            wanted, found = exact(batch.double()), engine._forward(batch)
        pairs = [
            (a.double(), b.double()) for a, b in zip(wanted, found, strict=True) if a.is_floating_point()
        ]
        off = sum(float((a - b).square().sum()) for a, b in pairs)
        row[f"{precision}_relative"] = (off / sum(float(a.square().sum()) for a, _ in pairs)) ** 0.5
        if card.task == "topdown":
            places = [[part[i].argmax(-1) / 2 for part in (wanted, found)] for i in range(2)]
            distance = sum((a - b).square() for a, b in places).sqrt().flatten()
            row[f"{precision}_pixels_p99"] = float(distance.quantile(0.99))
            row[f"{precision}_pixels_worst"] = float(distance.max())
    return row


def crops(device: str) -> dict[str, Any]:
    """50 people of one image, in one batch and one by one."""
    pose = TopDown(engine="torch", device=device, precision="float32")
    image = sample_images(None)[0]
    random = np.random.default_rng(0)
    corner = random.uniform(0, 0.5, (50, 2)) * image.shape[1::-1]
    boxes = np.concatenate([corner, corner + random.uniform(0.2, 0.5, (50, 2)) * image.shape[1::-1]], 1)
    together = milliseconds(lambda: pose(image, boxes), device)
    single = milliseconds(lambda: [pose(image, box[None]) for box in boxes], device)
    a = np.stack([person.keypoints for person in pose(image, boxes)])
    b = np.stack([pose(image, box[None])[0].keypoints for box in boxes])
    worst = float(np.abs(a[..., :2] - b[..., :2]).max())
    return {"what": "crops", "one_batch": together, "one_by_one": single, "worst_pixels": worst}


def clip(path: Path, device: str) -> dict[str, Any]:
    """`rtm pose` of a clip on the GPU and on the CPU: seconds, and the difference of their keypoints."""
    row: dict[str, Any] = {"what": "clip", "clip": path.name}
    keypoints = {}
    for where in (device, "cpu"):
        command = [sys.executable, "-m", "rtmcli", "pose", str(path), "--engine", "torch", "--device", where]
        command += ["--precision", "float32", "-q"]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        row[f"{where}_seconds"] = round(time.perf_counter() - began, 2)
        if done.returncode:
            return {**row, "error": done.stderr.strip()[-500:]}
        frames = [json.loads(line) for line in done.stdout.splitlines()]
        keypoints[where] = [[p["keypoints"] for p in frame["instances"]] for frame in frames]
        row["frames"] = len(frames)
    pairs = list(zip(keypoints[device], keypoints["cpu"], strict=True))
    same = [(np.array(a), np.array(b)) for a, b in pairs if len(a) == len(b) and a]
    row["frames_with_other_people"] = sum(len(a) != len(b) for a, b in pairs)
    distances = np.concatenate([np.linalg.norm((a - b)[..., :2], axis=-1).ravel() for a, b in same])
    row["pixels_p99"] = round(float(np.quantile(distances, 0.99)), 3)
    return row


if __name__ == "__main__":
    main()
