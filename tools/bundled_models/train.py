"""Train the bundled models from the data folder: `rtmpose-t` (coco17, 256 x 192) and `rtmdet-nano` (person, 320).

    python -m tools.bundled_models.train prepare  --data DATA --work WORK
    python -m tools.bundled_models.train pose     --data DATA --work WORK --minutes 100
    python -m tools.bundled_models.train detector --data DATA --work WORK --minutes 100
    python -m tools.bundled_models.train weights  --data DATA --work WORK
    python -m tools.bundled_models.export rtmpose-t=WORK/rtmpose-t.safetensors rtmdet-nano=WORK/rtmdet-nano.safetensors

Runs from the source tree with torch (2.10 or later), numpy and OpenCV; AP is printed where pycocotools is
installed too. `prepare` cuts the crops and asks the teacher once. The two trainings go on from `WORK/<name>`
when they are started again; `--pause-after 10` stops a piece after ten minutes. `weights` writes what each run
learned as float16, under 9 MB together. `--device cuda` keeps the data on the GPU and augments there; that
path is written but has not been run on one.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import cv2
import numpy as np
import torch

from rtmcli.networks.rtmdet import RTMDet, decode
from rtmcli.networks.rtmpose import RTMPose
from tools.bundled_models import crops, detector, pose
from tools.bundled_models.run import Plan, run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("prepare", "pose", "detector", "weights"))
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with train, train_sports, val, weights"
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for the cache and the checkpoints")
    parser.add_argument("--name", help="subfolder of --work for this run (default: the network's name)")
    parser.add_argument("--init", type=Path, help="weights to start from (default: the data folder's start)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--minutes", type=float, default=100.0, help="training time in all")
    parser.add_argument("--pause-after", type=float, default=math.inf, help="minutes; start again to go on")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--optimiser", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--flat", type=float, help="share of the time before the rate falls")
    parser.add_argument("--size", default="192x256", help="pose: width and height of the network's input")
    parser.add_argument("--frozen", type=float, help="pose: share of the time in which the first stages rest")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    cv2.setNumThreads(asked.threads)
    torch.manual_seed(asked.seed)
    {"prepare": prepare, "pose": train_pose, "detector": train_detector, "weights": write_weights}[
        asked.what
    ](asked)


def prepare(asked: argparse.Namespace) -> None:
    teacher = asked.data / "weights/tinypose_256x192.onnx"
    detector.store_pictures(asked.data, asked.work / "cache/detector")
    crops.prepare_crops(asked.data, teacher, asked.work / "cache/pose", device=asked.device)


def train_pose(asked: argparse.Namespace) -> None:
    device = asked.device
    stored = crops.Crops.load(asked.work / "cache/pose")
    images, points, weights, maps = (
        torch.from_numpy(np.array(array)).to(device)
        for array in (stored.images, stored.points, stored.weights, stored.maps)
    )
    # an epoch: people of `train` twice (the pictures the model will meet), of `train_sports` once
    once = np.arange(len(stored.taught))
    epoch = torch.from_numpy(np.concatenate([once, once[stored.taught]]))
    width, height = (int(side) for side in asked.size.split("x"))
    model = RTMPose("t", 17, width, height)
    start = read_weights(asked.init or asked.data / "weights/start/rtmpose-t_128x96.safetensors")
    model.load_state_dict(pose.grow_head(start, width, height))
    model = model.to(device, memory_format=torch.channels_last)
    dense = pose.DenseHeads(model.backbone.channels[2:]).to(device)
    plan = Plan(
        minutes=asked.minutes,
        batch=asked.batch or 32,
        lr=asked.lr or 1e-3,
        other_lr=(asked.lr or 1e-3) / (2 if asked.optimiser == "muon" else 1),
        optimiser=asked.optimiser,
        flat=0.4 if asked.flat is None else asked.flat,
    )
    frozen = 0.4 if asked.frozen is None else asked.frozen
    first = [*model.backbone.stem.parameters(), *model.backbone.stage1.parameters()]
    order: list[torch.Tensor] = []

    def compute(used: float, random: torch.Generator) -> dict[str, torch.Tensor]:
        if not order:
            order.extend(epoch[torch.randperm(len(epoch), generator=random)].split(plan.batch)[:-1])
        pick = order.pop()
        chosen = pick.to(device)
        strength = pose.FULL if used < 0.6 else pose.WEAK
        # the first stages cost two fifths of a step, and their edges serve at any input size
        for weight in first:
            weight.requires_grad_(used >= frozen)
        batch = pose.make_batch(
            images[chosen], points[chosen], weights[chosen], maps[chosen], strength, random, (width, height)
        )
        with torch.autocast(device, torch.bfloat16):
            features = model.backbone(batch.images)
            outputs = model.head(features[-1])
            heats = dense(features[-2], features[-1])
        share = 1.0 if used < 0.4 else 0.5
        return pose.pose_loss(outputs, heats, batch, 0.7 * share)

    val = ValidationPeople(asked.data / "val", (width, height), device)
    run(
        model,
        dense,
        compute,
        val,
        plan,
        asked.work / (asked.name or "rtmpose-t"),
        seed=asked.seed,
        pause_after=asked.pause_after,
    )


def write_weights(asked: argparse.Namespace) -> None:
    """Two fifths of each run's `best.pt` and three of its `last.pt` as WORK/<name>.safetensors.

    Late in a run a network is surer of its places and a little worse at finding them; the mean has both. A pose
    network's vectors are smoothed besides.
    """
    for name in [asked.name] if asked.name else ["rtmpose-t", "rtmdet-nano"]:
        best, last = (
            torch.load(asked.work / name / f"{which}.pt", weights_only=True, map_location="cpu")
            for which in ("best", "last")
        )
        state = {
            key: 0.4 * best[key] + 0.6 * last[key] if best[key].is_floating_point() else last[key]
            for key in best
        }
        if "head.cls_x.weight" in state:
            state = pose.smooth_bins(state)
        write_safetensors(state, asked.work / f"{name}.safetensors")


class ValidationPeople:
    """`val` with true boxes: the mean OKS of the people, and AP where pycocotools is installed."""

    def __init__(self, folder: Path, size: tuple[int, int], device: str) -> None:
        self.truth = folder / "person_keypoints.json"
        self.size, self.device = size, device
        self.people, cut = [], []
        for person, image in crops.cut_people(folder, min_labels=1):
            self.people.append(person)
            cut.append(crops.cut(image, person.box, size, halve=False))
        self.crops = np.stack(cut)

    @torch.no_grad()
    def __call__(self, model: torch.nn.Module) -> dict[str, float]:
        places, scores = [], []
        for at in range(0, len(self.crops), 64):
            batch = crops.normalise(self.crops[at : at + 64], self.device)
            x, y = (logits.max(-1) for logits in model(batch.contiguous(memory_format=torch.channels_last)))
            places.append(torch.stack([x.indices, y.indices], -1).cpu().numpy() / 2)
            scores.append(torch.minimum(x.values, y.values).cpu().numpy())
        place, score = np.concatenate(places), np.concatenate(scores)
        results, near = [], []
        for person, at, value in zip(self.people, place, score, strict=True):
            centre, width = crops.field_of(person.box)
            at = (at - np.array(self.size) / 2) / self.size[0] * width + centre
            error = np.linalg.norm(at - person.keypoints[:, :2], axis=1) / width * self.size[0]
            near.append(error[person.keypoints[:, 2] > 0])
            good = value[value > 0.2]
            results.append(
                {
                    "image_id": person.image_id,
                    "category_id": 1,
                    "keypoints": np.concatenate([at, value[:, None]], 1).ravel().tolist(),
                    "score": float(good.mean()) if len(good) else 0.0,
                }
            )
        flat = np.concatenate(near)
        return {
            "ap": coco_ap(self.truth, results, "keypoints"),
            "within8": float((flat < 8).mean()),
            "within16": float((flat < 16).mean()),
            "score": float(np.median(score)),
        }


def train_detector(asked: argparse.Namespace) -> None:
    device = asked.device
    cache = asked.work / "cache/detector"
    stored = {}
    for name in detector.SIDES:
        pictures = torch.from_numpy(
            np.load(cache / f"{name}.npy", mmap_mode="c" if device == "cpu" else None)
        )
        stored[name] = pictures.to(device), torch.from_numpy(np.load(cache / f"{name}_sizes.npy")).to(device)
    teacher = detector.official_teacher(asked.data / "weights/rtmdet_nano_person.onnx")
    teacher = teacher.to(device, memory_format=torch.channels_last)
    model = RTMDet("nano", 1)
    model.load_state_dict(
        read_weights(asked.init or asked.data / "weights/start/rtmdet-nano_person_320.safetensors")
    )
    model = model.to(device, memory_format=torch.channels_last)
    lr = asked.lr or 2e-3
    plan = Plan(
        minutes=asked.minutes,
        batch=asked.batch or 16,
        lr=lr,
        other_lr=lr / (2 if asked.optimiser == "muon" else 1),
        optimiser=asked.optimiser,
        flat=0.4 if asked.flat is None else asked.flat,
        clip=35.0,
        validate=16.0,
    )
    order: list[tuple[str, torch.Tensor]] = []

    def compute(used: float, random: torch.Generator) -> dict[str, torch.Tensor]:
        if not order:
            for name, (pictures, _) in stored.items():
                parts = torch.randperm(len(pictures), generator=random).split(plan.batch)[:-1]
                # an epoch: `train` four times and half of the single people of `train_sports`
                times = 4 if name == "train" else 1
                order.extend(
                    (name, part) for part in (parts if times == 4 else parts[: len(parts) // 2]) * times
                )
            shuffled = torch.randperm(len(order), generator=random).tolist()
            order[:] = [order[i] for i in shuffled]
        name, pick = order.pop()
        pictures, sizes = stored[name]
        if used < 0.88:
            window = detector.Window(
                side=224, scale=(0.7, 1.4) if name == "train" else (0.5, 0.9), colour=0.15
            )
        else:
            window = detector.Window(
                side=320, scale=(0.85, 1.2) if name == "train" else (0.4, 0.9), colour=0.05
            )
        pick = pick.to(pictures.device)
        images = detector.make_windows(pictures[pick].to(device), sizes[pick], window, random)
        with torch.autocast(device, torch.bfloat16):
            with torch.no_grad():
                seen = detector.look(teacher, images)
            mine = detector.look(model, images)
        return detector.imitation_loss(mine, seen, 2.0 if used < 0.7 else 0.5)

    val = ValidationPictures(asked.data / "val", device)
    run(
        model,
        None,
        compute,
        val,
        plan,
        asked.work / (asked.name or "rtmdet-nano"),
        seed=asked.seed,
        pause_after=asked.pause_after,
    )


class ValidationPictures:
    """`val` at 320: box AP where pycocotools is installed."""

    def __init__(self, folder: Path, device: str) -> None:
        self.truth = folder / "person_keypoints.json"
        self.device = device
        self.entries, self.canvases, self.scales = [], [], []
        for entry, image in crops.read_pictures(folder, json.loads(self.truth.read_text())):
            canvas, scale = detector.letterbox(image)
            self.entries.append(entry)
            self.canvases.append(canvas)
            self.scales.append(scale)

    @torch.no_grad()
    def __call__(self, model: torch.nn.Module) -> dict[str, float]:
        results = []
        for at in range(0, len(self.canvases), 16):
            pixels = torch.from_numpy(np.stack(self.canvases[at : at + 16])).to(self.device)
            scores, distances = model(detector.normalise(pixels.permute(0, 3, 1, 2).float()))
            found = decode(scores, distances, score=0.02, iou=0.6, before=300, keep=100, size=(320, 320))
            for i, (boxes, values, _) in enumerate(found, start=at):
                corners = boxes.cpu().numpy() / np.tile(self.scales[i], 2)
                for box, value in zip(corners, values.tolist(), strict=True):
                    size = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
                    results.append(
                        {
                            "image_id": self.entries[i]["id"],
                            "category_id": 1,
                            "bbox": [float(v) for v in size],
                            "score": value,
                        }
                    )
        return {"ap": coco_ap(self.truth, results, "bbox")}


def coco_ap(truth: Path, results: list[dict], kind: str, images: list[int] | None = None) -> float:
    """AP by pycocotools; -1 where it is not installed."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        return -1.0
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(str(truth))
        evaluation = COCOeval(gt, gt.loadRes(results), kind)
        evaluation.params.catIds = [1]
        if images is not None:
            evaluation.params.imgIds = images
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a `.safetensors` (float16 or float32) or of a `.pt` of averaged weights."""
    return read_safetensors(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file: a JSON header of types, shapes and offsets, then the bytes."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    types = {"F16": np.float16, "F32": np.float32, "I64": np.int64}
    found = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            array = np.frombuffer(data[start:end], types[entry["dtype"]]).reshape(entry["shape"])
            tensor = torch.from_numpy(array.copy())
            found[name] = tensor.float() if tensor.is_floating_point() else tensor
    return found


def write_safetensors(state: dict[str, torch.Tensor], path: Path) -> None:
    """The counterpart: floating tensors as float16, the rest as they are."""
    header, parts, at = {}, [], 0
    for name, tensor in state.items():
        array = tensor.half().numpy() if tensor.is_floating_point() else tensor.numpy()
        data = np.ascontiguousarray(array).tobytes()
        kind = {"float16": "F16", "int64": "I64"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(parts))


if __name__ == "__main__":
    main()
