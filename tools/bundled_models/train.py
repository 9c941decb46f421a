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
from tools.bundled_models.onnx_teacher import OnnxRuntimeTeacher
from tools.bundled_models.prepare import load_teacher, prepare_crops, prepare_pictures
from tools.bundled_models.run import Plan
from tools.bundled_models.simcc_head import smooth_bins
from tools.bundled_models.teacher_maps import PADDINGS
from tools.bundled_models.weights_file import mix, read_weights, write_safetensors


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
        "--frozen", type=float, default=0.65, help="pose: share of the time without training stage 1"
    )
    parser.add_argument(
        "--paddings", help="prepare: paddings of the teacher's crops, with commas (default: all three)"
    )
    parser.add_argument(
        "--taught",
        choices=("none", "mixed", "all"),
        default="mixed",
        help="pose: the samples of a batch that the teacher sees; a third faster with none",
    )
    parser.add_argument("--share", type=float, default=0.5, help="weights: of the run, the rest is of --init")
    parser.add_argument("--smooth", type=float, default=3.0, help="weights: sigma of the blur, in SimCC bins")
    parser.add_argument("--validate-every", type=float, default=12.0, help="minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    torch.manual_seed(options.seed)
    {"prepare": prepare, "pose": pose, "detector": detector, "weights": weights}[options.what](options)


def prepare(options: argparse.Namespace) -> None:
    """Arrays in WORK/cache. The teacher is run over `train` alone: the other folders have its points already."""
    prepare_pictures(options.data, options.work / "cache/detector")
    teacher = load_teacher(options.data / "weights/tinypose_256x192.onnx", options.device)
    paddings = tuple(map(float, options.paddings.split(","))) if options.paddings else PADDINGS
    for name in crops.FOLDERS:
        used_teacher = teacher if name == "train" else None
        prepared = prepare_crops(options.data / name, used_teacher, paddings, device=options.device)
        prepared.save(options.work / f"cache/pose_{name}")


def pose(options: argparse.Namespace) -> None:
    width, height = (int(side) for side in options.size.split("x"))
    stored = [crops.Crops.load(options.work / f"cache/pose_{name}") for name in crops.FOLDERS]
    data = train_pose.Data.of_crops(crops.Crops.join(stored), options.device)
    evaluations = {
        "held_out": PeopleInTrueBoxes(
            options.data / "train", (width, height), options.device, crops.held_out
        ),
        "trained": PeopleInTrueBoxes(options.data / "train", (width, height), options.device, crops.compared),
        "val": PeopleInTrueBoxes(options.data / "val", (width, height), options.device),
    }
    model = train_pose.start_network(
        options.init or WEIGHTS / "rtmpose-t.onnx",
        options.data / "weights/start/rtmpose-t_128x96.safetensors",
        data,
        (width, height),
        options.seed,
    )
    teacher = None
    if options.taught != "none":
        path = options.data / "weights/tinypose_256x192.onnx"
        outputs = train_pose.TEACHER_OUTPUTS
        if options.device == "cpu":
            teacher = OnnxRuntimeTeacher(path, outputs, options.threads)
        else:
            teacher = load_teacher(path, options.device, outputs)
    train_pose.train_pose(
        model,
        data,
        lambda network: measure_all(evaluations, network),
        plan_of(options, batch=32, clip=5.0),
        options.work / (options.name or "rtmpose-t"),
        size=(width, height),
        frozen=options.frozen,
        teacher=teacher,
        teach_all=options.taught == "all",
    )


def detector(options: argparse.Namespace) -> None:
    data = train_detector.load_pictures(options.work / "cache/detector", options.device)
    evaluations = {
        "held_out": Boxes(options.data / "train", options.device, crops.held_out),
        "val": Boxes(options.data / "val", options.device),
    }
    model = train_detector.start_network(
        options.init or WEIGHTS / "rtmdet-nano.onnx",
        options.data / "weights/start/rtmdet-nano_person_320.safetensors",
        data,
        options.seed,
    )
    train_detector.train_detector(
        model,
        official_teacher(options.data / "weights/rtmdet_nano_person.onnx"),
        data,
        lambda network: measure_all(evaluations, network),
        plan_of(options, batch=16, clip=35.0),
        options.work / (options.name or "rtmdet-nano"),
    )


def plan_of(options: argparse.Namespace, *, batch: int, clip: float) -> Plan:
    return Plan(
        minutes=options.minutes,
        batch=options.batch or batch,
        lr=options.lr,
        flat=options.flat,
        clip=clip,
        muon=options.optimiser == "muon",
        seed=options.seed,
        pause_after=options.pause_after,
        validate=options.validate_every,
    )


def weights(options: argparse.Namespace) -> None:
    """WORK/<name>.safetensors: a run's averaged weights, or their mean with --init; SimCC vectors are smoothed."""
    for name in [options.name] if options.name else ["rtmpose-t", "rtmdet-nano"]:
        state = read_weights(options.work / name / "last.pt")
        if options.init:
            state = mix(read_weights(options.init), state, options.share)
        if "head.cls_x.weight" in state:
            state = smooth_bins(state, options.smooth)
        write_safetensors(state, options.work / f"{name}.safetensors")


if __name__ == "__main__":
    main()
