"""Reference numbers of the augmentations (augment.npz), and scenes of bright dots that show where pixels went."""

from pathlib import Path

import numpy as np

from rtmcli.training.augment.scene import (
    Scene,
)

GOLDENS = Path(__file__).parents[1] / "goldens"

GOLDEN = np.load(GOLDENS / "augment.npz")
FLIP = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])


def cases(prefix: str, suffix: str) -> list[str]:
    found = (key for key in GOLDEN.files if key.startswith(prefix) and key.endswith(suffix))
    return sorted(key.removeprefix(prefix).removesuffix(suffix) for key in found)


def dots_scene(seed: int, people: int = 2, size: tuple[int, int] = (96, 80)) -> Scene:
    """People of 17 white dots each on black, 8 pixels or more apart."""
    rng = np.random.default_rng(seed)
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    cells = rng.permutation((width // 8 - 2) * (height // 8 - 2))[: people * 17]
    columns = width // 8 - 2
    points = np.stack([cells % columns * 8 + 12, cells // columns * 8 + 12], -1).astype(np.float32)
    for x, y in points.astype(int):
        image[y - 1 : y + 2, x - 1 : x + 2] = 255
    keypoints = points.reshape(people, 17, 2)
    low, high = keypoints.min(axis=1) - 2, keypoints.max(axis=1) + 2
    return Scene(
        image=image,
        boxes=np.concatenate([low, high], -1),
        labels=np.arange(people),
        areas=(high - low).prod(-1),
        keypoints=keypoints,
        visible=np.ones((people, 17), np.float32),
    )


def assert_dots_at_keypoints(found: Scene, bright: int) -> None:
    width, height = found.size
    for person in range(len(found.boxes)):
        for (x, y), seen in zip(found.keypoints[person], found.visible[person], strict=True):
            if seen and 2 <= x < width - 2 and 2 <= y < height - 2:
                row, column = int(np.rint(y)), int(np.rint(x))
                assert found.image[row - 1 : row + 2, column - 1 : column + 2].max() >= bright
                x1, y1, x2, y2 = found.boxes[person]
                assert x1 <= x <= x2 and y1 <= y <= y2
