"""Train both bundled networks on one GPU, from the parts that `pack` wrote; needs torch 2.10+, numpy and OpenCV alone.

    python -m tools.bundled_models.gpu_run.train --parts build/gpu_run --out OUT [--data FOLDER] [--resume FOLDER]

Both trainings run beside each other for --minutes, each in a process of its own, in bfloat16, with the pictures and
their augmentation on the GPU; before that the parts are unpacked into --data, and crops are cut and given to the pose
teacher (under a minute with 16 cores). OUT gets, every two minutes, what a later call needs to go on (`--resume`: a
folder with what an earlier call left in OUT), the averaged weights and the log; no file is larger than 16 MB.
`--device cpu` rehearses it. `--unpack-only` stops after unpacking: for parts that arrive one by one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from rtmcli.networks.rtmdet import RTMDet
from rtmcli.networks.rtmpose import RTMPose
from tools.bundled_models import train_detector, train_pose
from tools.bundled_models.crops import compared, held_out
from tools.bundled_models.detector import official_teacher
from tools.bundled_models.gpu_run.unpack import detector_pictures, pose_crops, unpack
from tools.bundled_models.measure import Boxes, PeopleInTrueBoxes, measure_all
from tools.bundled_models.prepare import load_teacher
from tools.bundled_models.run import Plan
from tools.bundled_models.weights_file import read_weights

SIZE = (192, 256)  # width, height of the pose network's input
EVERY = 2.0  # minutes between checkpoints, and between validations
# The CPU's rates (1e-3 at 32 crops or 16 windows), times about the root of the larger batch
POSE_RATE, DETECTOR_RATE = 2e-3, 2.5e-3
SIDES = (256, 320, 448)  # of the detector's windows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", type=Path, required=True, help="folder with part-*.tar")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, weights and logs")
    parser.add_argument("--data", type=Path, help="folder for unpacked data (default: PARTS/data)")
    parser.add_argument("--resume", type=Path, help="what an earlier call left in its --out")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0, help="of training in all, over all calls")
    parser.add_argument(
        "--stop-after", type=float, default=9.5, help="minutes of this call, preparation included"
    )
    parser.add_argument("--pose-batch", type=int, default=256)
    parser.add_argument("--detector-batch", type=int, default=96)
    parser.add_argument(
        "--contiguous", action="store_true", help="keep channels first in memory; faster on some GPUs"
    )
    parser.add_argument("--unpack-only", action="store_true")
    options = parser.parse_args()
    options.ends = time.time() + 60 * options.stop_after
    options.data = options.data or options.parts / "data"
    options.out.mkdir(parents=True, exist_ok=True)
    if options.resume:
        shutil.copytree(options.resume, options.out, dirs_exist_ok=True)
    unpack(options.parts, options.data)
    if options.unpack_only:
        return
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(pose, options), pool.submit(detector, options)]:
            done.result()


def layout_of(options: argparse.Namespace) -> torch.memory_format:
    return torch.contiguous_format if options.contiguous else torch.channels_last


def plan_of(options: argparse.Namespace, batch: int, lr: float, clip: float) -> Plan:
    return Plan(
        minutes=options.minutes,
        batch=batch,
        lr=lr,
        flat=0.35,
        clip=clip,
        validate=EVERY,
        save=EVERY,
        pause_after=max((options.ends - time.time()) / 60, 0.0),
    )


def pose(options: argparse.Namespace) -> None:
    torch.backends.cudnn.benchmark = True
    cores = len(os.sched_getaffinity(0))
    stored = pose_crops(options.data, options.device, max(cores - 4, 1))
    people = train_pose.Data.of_crops(stored, options.device)
    evaluations = {
        "held_out": PeopleInTrueBoxes(options.data / "train", SIZE, options.device, held_out),
        "trained": PeopleInTrueBoxes(options.data / "train", SIZE, options.device, compared),
    }
    model = RTMPose("t", 17, *SIZE)
    model.load_state_dict(read_weights(options.data / "start/rtmpose-t.pt"))
    teacher = load_teacher(
        options.data / "weights/tinypose_256x192.onnx", options.device, train_pose.TEACHER_OUTPUTS
    )
    train_pose.train_pose(
        model,
        people,
        lambda network: measure_all(evaluations, network),
        plan_of(options, options.pose_batch, POSE_RATE, 5.0),
        options.out / "rtmpose-t",
        size=SIZE,
        frozen=0.0,
        teacher=teacher,
        layout=layout_of(options),
    )


def detector(options: argparse.Namespace) -> None:
    torch.backends.cudnn.benchmark = True
    pictures = train_detector.load_pictures(detector_pictures(options.data), options.device)
    evaluations = {"held_out": Boxes(options.data / "train", options.device, held_out)}
    model = RTMDet("nano", 1)
    model.load_state_dict(read_weights(options.data / "start/rtmdet-nano.pt"))
    train_detector.train_detector(
        model,
        official_teacher(options.data / "weights/rtmdet_nano_person.onnx"),
        pictures,
        lambda network: measure_all(evaluations, network),
        plan_of(options, options.detector_batch, DETECTOR_RATE, 35.0),
        options.out / "rtmdet-nano",
        SIDES,
        layout_of(options),
    )


if __name__ == "__main__":
    main()
