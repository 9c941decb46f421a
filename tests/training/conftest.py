"""A small labelled set, made of noise and dots, that a network can learn in seconds."""

import json
from pathlib import Path

import numpy as np
import pytest

from rtmcli.cv import cv2


@pytest.fixture
def dots(tmp_path: Path) -> Path:
    """A COCO file, `labels.json`, with 8 pictures of one stick person each in `images/`."""
    random = np.random.default_rng(3)
    folder = tmp_path / "images"
    folder.mkdir()
    images, notes = [], []
    for number in range(8):
        picture = random.integers(0, 60, (96, 80, 3), np.uint8)
        points = np.stack([random.uniform(20, 60, 17), random.uniform(15, 80, 17)], 1).round(1)
        for k, (x, y) in enumerate(points):
            cv2.circle(picture, (int(x), int(y)), 3, (255 - 12 * k, 60 + 11 * k, 15 * k), -1)
        name = f"{number:03d}.png"
        cv2.imwrite(str(folder / name), picture)
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
    (tmp_path / "labels.json").write_text(json.dumps(content))
    return tmp_path
