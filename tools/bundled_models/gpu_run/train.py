"""Train both bundled networks on one GPU, from the parts that `pack` wrote; needs torch 2.10+, numpy and OpenCV alone.

    python -m tools.bundled_models.gpu_run.train --parts build/gpu_run --out OUT [--resume FOLDER]

The first call unpacks the parts, cuts the crops and runs the pose teacher over all of them (about a minute). Then the
pose network trains for --pose-minutes and the detector for --detector-minutes, in bfloat16, with the pictures and
their augmentation on the GPU. OUT gets, every two minutes, what a later call needs to go on (`--resume`: a folder with
what an earlier call left in OUT), the averaged weights and the log; no file is larger than 16 MB. `--device cpu`
rehearses it.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

import torch

from rtmcli.networks.rtmdet import RTMDet
from rtmcli.networks.rtmpose import RTMPose
from tools.bundled_models import train_detector, train_pose
from tools.bundled_models.crops import FOLDERS, Crops, compared, held_out
from tools.bundled_models.detector import official_teacher
from tools.bundled_models.gpu_run.unpack import prepare, unpack
from tools.bundled_models.measure import Boxes, PeopleInTrueBoxes, measure_all
from tools.bundled_models.run import Plan
from tools.bundled_models.weights_file import read_weights

SIZE = (192, 256)  # width, height of the pose network's input
EVERY = 2.0  # minutes between checkpoints, and between validations
# The CPU's rates (1e-3 at 32 crops or 16 windows), times about the root of the larger batch
POSE_RATE, DETECTOR_RATE = 2.5e-3, 2.5e-3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", type=Path, required=True, help="folder with part-*.tar")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, weights and logs")
    parser.add_argument("--resume", type=Path, help="what an earlier call left in its --out")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--pose-minutes", type=float, default=5.0)
    parser.add_argument("--detector-minutes", type=float, default=3.0)
    parser.add_argument(
        "--stop-after", type=float, default=9.5, help="minutes of this call, preparation included"
    )
    parser.add_argument("--pose-batch", type=int, default=256)
    parser.add_argument("--detector-batch", type=int, default=128)
    options = parser.parse_args()
    ends = time.monotonic() + 60 * options.stop_after
    torch.backends.cudnn.benchmark = True
    options.out.mkdir(parents=True, exist_ok=True)
    if options.resume:
        shutil.copytree(options.resume, options.out, dirs_exist_ok=True)
    data = unpack(options.parts)
    prepare(data, options.device)
    pose(options, data, ends)
    detector(options, data, ends)


def plan_of(minutes: float, batch: int, lr: float, clip: float, ends: float) -> Plan:
    left = max((ends - time.monotonic()) / 60, 0.0)
    return Plan(
        minutes=minutes,
        batch=batch,
        lr=lr,
        flat=0.35,
        clip=clip,
        validate=EVERY,
        save=EVERY,
        pause_after=left,
    )


def pose(options: argparse.Namespace, data: Path, ends: float) -> None:
    stored = Crops.join([Crops.load(data / f"cache/pose_{name}") for name in FOLDERS])
    people = train_pose.Data.of_crops(stored, options.device)
    evaluations = {
        "held_out": PeopleInTrueBoxes(data / "train", SIZE, options.device, held_out),
        "trained": PeopleInTrueBoxes(data / "train", SIZE, options.device, compared),
        "val": PeopleInTrueBoxes(data / "val", SIZE, options.device),
    }
    model = RTMPose("t", 17, *SIZE)
    model.load_state_dict(read_weights(data / "start/rtmpose-t.pt"))
    train_pose.train_pose(
        model,
        people,
        lambda network: measure_all(evaluations, network),
        plan_of(options.pose_minutes, options.pose_batch, POSE_RATE, 5.0, ends),
        options.out / "rtmpose-t",
        size=SIZE,
        frozen=0.0,
    )


def detector(options: argparse.Namespace, data: Path, ends: float) -> None:
    pictures = train_detector.load_pictures(data / "cache/detector", options.device)
    evaluations = {
        "held_out": Boxes(data / "train", options.device, held_out),
        "val": Boxes(data / "val", options.device),
    }
    model = RTMDet("nano", 1)
    model.load_state_dict(read_weights(data / "start/rtmdet-nano.pt"))
    train_detector.train_detector(
        model,
        official_teacher(data / "weights/rtmdet_nano_person.onnx"),
        pictures,
        lambda network: measure_all(evaluations, network),
        plan_of(options.detector_minutes, options.detector_batch, DETECTOR_RATE, 35.0, ends),
        options.out / "rtmdet-nano",
    )


if __name__ == "__main__":
    main()
