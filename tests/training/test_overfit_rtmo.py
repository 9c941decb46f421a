"""RTMO learns a few real pictures by heart: networks, assigner, losses and decoding agree with each other."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rtmcli.cv import cv2
from rtmcli.metrics.coco import keypoint_figures
from rtmcli.networks.rtmo import RTMO
from rtmcli.skeletons import load_skeleton
from rtmcli.training.augment_scene import Scene, fitted_affine
from rtmcli.training.heads.rtmo import People, Weights, rtmo_loss

SKELETON = load_skeleton("coco17")


def scenes(data_dir: Path, count: int, side: int) -> list[Scene]:
    """The first pictures of `val` whose few people are all large and well labelled, fitted into a square."""
    content = json.loads((data_dir / "val" / "person_keypoints.json").read_text())
    people: dict[int, list[dict[str, Any]]] = {}
    for note in content["annotations"]:
        people.setdefault(note["image_id"], []).append(note)
    found: list[Scene] = []
    for picture in content["images"]:
        notes = people.get(picture["id"], [])
        large = 0.04 * picture["width"] * picture["height"]
        if not 0 < len(notes) <= 3 or any(
            n["iscrowd"] or n["num_keypoints"] < 10 or n["area"] < large for n in notes
        ):
            continue
        boxes = np.array([n["bbox"] for n in notes], np.float32)
        boxes[:, 2:] += boxes[:, :2]
        points = np.array([n["keypoints"] for n in notes], np.float32).reshape(-1, 17, 3)
        scene = Scene(
            image=np.asarray(cv2.imread(str(data_dir / "val" / "images" / picture["file_name"])), np.uint8),
            boxes=boxes,
            labels=np.zeros(len(boxes), np.int64),
            areas=np.array([n["area"] for n in notes], np.float32),
            keypoints=points[..., :2],
            visible=(points[..., 2] > 0).astype(np.float32),
        )
        found.append(fitted_affine(scene, (side, side)))
        if len(found) == count:
            break
    return found


def truth(pictures: list[Scene]) -> dict[str, Any]:
    notes = []
    for number, scene in enumerate(pictures):
        for box, area, points, seen in zip(
            scene.boxes.tolist(), scene.areas.tolist(), scene.keypoints, scene.visible, strict=True
        ):
            notes.append(
                {
                    "id": len(notes) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "area": area,
                    "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                    "num_keypoints": int(seen.sum()),
                    "keypoints": np.column_stack([points, 2 * seen]).ravel().tolist(),
                }
            )
    ids = [{"id": number} for number in range(len(pictures))]
    return {"images": ids, "annotations": notes, "categories": [{"id": 1, "name": "person"}]}


def average_precision(network: RTMO, images: torch.Tensor, labels: dict[str, Any]) -> float:
    results = []
    for number, found in enumerate(network.eval().detect(images, score=0.05)):
        poses = torch.cat([found.keypoints, found.keypoint_scores[..., None]], -1)
        for pose, score in zip(poses, found.scores.tolist(), strict=True):
            results.append(
                {"image_id": number, "category_id": 1, "score": score, "keypoints": pose.flatten().tolist()}
            )
    return keypoint_figures(labels, results, SKELETON.sigmas)["AP"]


def overfit(pictures: list[Scene], network: RTMO, *, steps: int, lr: float) -> float:
    """AP on the pictures after `steps` steps on all of them at once."""
    images = torch.stack([torch.from_numpy(s.image).permute(2, 0, 1).float() for s in pictures])
    people = [
        People(
            torch.from_numpy(s.boxes),
            torch.from_numpy(s.keypoints),
            torch.from_numpy(s.visible),
            torch.ones(s.visible.shape),
            torch.from_numpy(s.areas),
        )
        for s in pictures
    ]
    sigmas = torch.tensor(SKELETON.sigmas, dtype=torch.float32)
    # A point that settles in a wrong bin is out of reach of its target's bump, and a few pictures never shake it
    # out: so the classifier starts with flatter bins and learns more slowly.
    with torch.no_grad():
        for layer in (network.head.dcc.x_fc, network.head.dcc.y_fc):
            layer.weight *= 0.5
            layer.bias *= 0.5
    groups: dict[float, list[torch.nn.Parameter]] = {1.0: [], 0.1: [], 0.3: []}
    for name, parameter in network.named_parameters():
        slow = 0.1 if name.startswith("neck.encoder") else 0.3 if name.startswith("head.dcc") else 1.0
        groups[slow].append(parameter)
    rates = {lr * factor: parameters for factor, parameters in groups.items()}
    optimizer = torch.optim.AdamW(
        [{"params": p, "lr": rate} for rate, p in rates.items()], weight_decay=0.0, betas=(0.9, 0.99)
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, list(rates), total_steps=steps, pct_start=0.1)
    # The weight of the likelihood is that of RTMO-m: with that of RTMO-t it pulls at the boxes too hard.
    first = Weights(mle=0.01, center_by_keypoints=True)
    second = Weights(mle=0.05, oks=10, proxy=True, center_by_keypoints=True)
    network.train()
    for step in range(steps):
        weights = first if step < 0.9 * steps else second
        loss, _ = rtmo_loss(network(images), network.head.dcc, people, sigmas=sigmas, weights=weights)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
    return average_precision(network, images, truth(pictures))


def test_a_toy_rtmo_learns_four_real_pictures_by_heart(data_dir: Path) -> None:
    torch.manual_seed(0)
    network = RTMO("t", 17, width=0.25, depth=0.33, neck=64)
    assert overfit(scenes(data_dir, 4, 96), network, steps=520, lr=1e-3) > 0.8
