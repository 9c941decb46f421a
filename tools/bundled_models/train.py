"""Train the bundled models from the data folder: `rtmpose-t` (coco17, 256 x 192) and `rtmdet-nano` (person, 320).

    python -m tools.bundled_models.train prepare  --data DATA --work WORK
    python -m tools.bundled_models.train pose     --data DATA --work WORK --minutes 100
    python -m tools.bundled_models.train detector --data DATA --work WORK --minutes 100
    python -m tools.bundled_models.train weights  --data DATA --work WORK

Runs from the source tree with torch (2.10 or later), numpy and OpenCV. Both trainings go on from `WORK/<name>` when
they are started again. tools/bundled_models/README.md has every step.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import cv2
import torch

from rtmcli.zoo.resolve import WEIGHTS
from tools.bundled_models import crops, train_detector, train_pose
from tools.bundled_models.detector import official_teacher
from tools.bundled_models.measure import Boxes, PeopleInTrueBoxes, measure_all
from tools.bundled_models.prepare import load_teacher, prepare_crops, prepare_pictures
from tools.bundled_models.run import Plan
from tools.bundled_models.simcc_head import smooth_bins
from tools.bundled_models.teacher_maps import PADDINGS
from tools.bundled_models.weights_file import mean_of, read_weights, write_safetensors


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("prepare", "pose", "detector", "weights"))
    parser.add_argument("--data", type=Path, required=True, help="folder with train*, val and weights")
    parser.add_argument("--work", type=Path, required=True, help="folder for the cache and the checkpoints")
    parser.add_argument("--name", help="subfolder of --work for this run (default: the network's name)")
    parser.add_argument("--init", type=Path, help="weights to start from (default: the bundled model's)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--minutes", type=float, default=100.0, help="training time in all")
    parser.add_argument("--pause-after", type=float, default=math.inf, help="minutes; start again to go on")
    parser.add_argument("--batch", type=int, help="default 32 (pose) or 16 (detector)")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--optimiser", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--flat", type=float, default=0.35, help="share of the time before the rate falls")
    parser.add_argument("--size", default="192x256", help="pose: width and height of the network's input")
    parser.add_argument(
        "--resting", type=float, default=0.65, help="pose: share of the time without training stage 1"
    )
    parser.add_argument(
        "--paddings", help="prepare: paddings of the teacher's crops, with commas (default: all three)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    cv2.setNumThreads(asked.threads)
    torch.manual_seed(asked.seed)
    {"prepare": prepare, "pose": pose, "detector": detector, "weights": weights}[asked.what](asked)


def prepare(asked: argparse.Namespace) -> None:
    """Arrays in WORK/cache. The teacher is run over `train` alone: the other folders have its points already."""
    prepare_pictures(asked.data, asked.work / "cache/detector")
    teacher = load_teacher(asked.data / "weights/tinypose_256x192.onnx", asked.device)
    paddings = tuple(map(float, asked.paddings.split(","))) if asked.paddings else PADDINGS
    for name in crops.FOLDERS:
        asked_teacher = teacher if name == "train" else None
        prepared = prepare_crops(asked.data / name, asked_teacher, paddings, device=asked.device)
        prepared.save(asked.work / f"cache/pose_{name}")


def pose(asked: argparse.Namespace) -> None:
    width, height = (int(side) for side in asked.size.split("x"))
    stored = [crops.Crops.load(asked.work / f"cache/pose_{name}") for name in crops.FOLDERS]
    data = train_pose.Data.of_crops(crops.Crops.join(stored), asked.device)
    looks = {
        "held_out": PeopleInTrueBoxes(asked.data / "train", (width, height), asked.device, crops.held_out),
        "trained": PeopleInTrueBoxes(asked.data / "train", (width, height), asked.device, crops.compared),
        "val": PeopleInTrueBoxes(asked.data / "val", (width, height), asked.device),
    }
    model = train_pose.start_network(
        asked.init or WEIGHTS / "rtmpose-t.onnx",
        asked.data / "weights/start/rtmpose-t_128x96.safetensors",
        data,
        (width, height),
        asked.seed,
    )
    train_pose.train_pose(
        model,
        data,
        lambda network: measure_all(looks, network),
        plan_of(asked, batch=32, clip=5.0),
        asked.work / (asked.name or "rtmpose-t"),
        size=(width, height),
        resting=asked.resting,
    )


def detector(asked: argparse.Namespace) -> None:
    data = train_detector.load_pictures(asked.work / "cache/detector", asked.device)
    looks = {
        "held_out": Boxes(asked.data / "train", asked.device, crops.held_out),
        "val": Boxes(asked.data / "val", asked.device),
    }
    model = train_detector.start_network(
        asked.init or WEIGHTS / "rtmdet-nano.onnx",
        asked.data / "weights/start/rtmdet-nano_person_320.safetensors",
        data,
        asked.seed,
    )
    train_detector.train_detector(
        model,
        official_teacher(asked.data / "weights/rtmdet_nano_person.onnx"),
        data,
        lambda network: measure_all(looks, network),
        plan_of(asked, batch=16, clip=35.0),
        asked.work / (asked.name or "rtmdet-nano"),
    )


def plan_of(asked: argparse.Namespace, *, batch: int, clip: float) -> Plan:
    return Plan(
        minutes=asked.minutes,
        batch=asked.batch or batch,
        lr=asked.lr,
        flat=asked.flat,
        clip=clip,
        muon=asked.optimiser == "muon",
        seed=asked.seed,
        pause_after=asked.pause_after,
    )


def weights(asked: argparse.Namespace) -> None:
    """WORK/<name>.safetensors: a run's `last.pt`, or the mean of it and --init; a pose network's vectors smoothed."""
    for name in [asked.name] if asked.name else ["rtmpose-t", "rtmdet-nano"]:
        states = [read_weights(path) for path in (asked.init, asked.work / name / "last.pt") if path]
        state = mean_of(states)
        if "head.cls_x.weight" in state:
            state = smooth_bins(state)
        write_safetensors(state, asked.work / f"{name}.safetensors")


if __name__ == "__main__":
    main()
