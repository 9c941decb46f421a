"""Small labelled sets of synthetic images, which a network overfits in seconds."""

import json
from pathlib import Path

import numpy as np

from rtmcli.opencv import cv2


def write_dots(folder: Path) -> None:
    """A COCO file, `labels.json`, with 8 images in `images/` of one person each: 17 dots on noise."""
    random = np.random.default_rng(3)
    (folder / "images").mkdir()
    images, notes = [], []
    for number in range(8):
        entry = random.integers(0, 60, (96, 80, 3), np.uint8)
        points = np.stack([random.uniform(20, 60, 17), random.uniform(15, 80, 17)], 1).round(1)
        for k, (x, y) in enumerate(points):
            cv2.circle(entry, (int(x), int(y)), 3, (255 - 12 * k, 60 + 11 * k, 15 * k), -1)
        name = f"{number:03d}.png"
        cv2.imwrite(str(folder / "images" / name), entry)
        images.append({"id": number, "file_name": name, "width": 80, "height": 96})
        notes.append(
            {
                "id": number + 1,
                "image_id": number,
                "category_id": 1,
                "iscrowd": 0,
                "bbox": [15, 10, 50, 75],
                "area": 3000,
                "num_keypoints": 17,
                "keypoints": [v for x, y in points.tolist() for v in (x, y, 2)],
            }
        )
    content = {"images": images, "annotations": notes, "categories": [{"id": 1, "name": "person"}]}
    (folder / "labels.json").write_text(json.dumps(content))


def write_bodies(folder: Path) -> None:
    """`whole.json`: 4 images in `whole/` of one person each with COCO-WholeBody's 133 keypoints and most depths."""
    random = np.random.default_rng(5)
    (folder / "whole").mkdir()
    fields = {"keypoints": 17, "foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}
    images, notes = [], []
    for number in range(4):
        points = np.stack([random.uniform(20, 100, 133), random.uniform(15, 105, 133)], 1).round(1)
        # One colour an image: batch norms make a network unsure of images that differ by little.
        color = np.array([230 * (number != 0), 230 * (number != 1), 230 * (number != 2)])
        patches = (0.7 * color + 0.3 * random.integers(0, 255, (6, 6, 3))).astype(np.uint8)
        entry = cv2.resize(patches, (120, 120))
        name = f"{number:03d}.png"
        cv2.imwrite(str(folder / "whole" / name), entry)
        images.append({"id": number, "file_name": name, "width": 120, "height": 120})
        flat = [v for x, y in points.tolist() for v in (x, y, 2)]
        note: dict = {
            "id": number + 1,
            "image_id": number,
            "category_id": 1,
            "iscrowd": 0,
            "bbox": [10, 5, 100, 110],
            "area": 11000,
            "num_keypoints": 17,
            "keypoints3d": [[0, 0, z, 1] for z in random.uniform(4, 6, 133).round(3).tolist()],
        }
        note["keypoints3d"][40] = None
        note["keypoints3d"][11][2] = note["keypoints3d"][12][2] = 5.0
        for field, count in fields.items():
            note[field], flat = flat[: 3 * count], flat[3 * count :]
        notes.append(note)
    content = {"images": images, "annotations": notes, "categories": [{"id": 1, "name": "person"}]}
    (folder / "whole.json").write_text(json.dumps(content))
