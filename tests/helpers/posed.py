"""Records of people with coco17 keypoints that move evenly, for tests of what shows or compares records."""

import numpy as np

from rtmcli.records.frame import Frame, Instance

SIZE = (192, 128)
# A standing figure in a box of 40 x 100 pixels, coco17.
FIGURE = np.array(
    [
        [20, 8], [23, 5], [17, 5], [26, 8], [14, 8], [32, 25], [8, 25], [36, 42], [4, 42], [38, 58], [2, 58],
        [28, 55], [12, 55], [29, 76], [11, 76], [30, 97], [10, 97],
    ],
    np.float32,
)  # fmt: skip


def person(x: float, y: float, number: int | None = 1, score: float = 0.9) -> Instance:
    """Somebody whose box begins at x, y; keypoint k has the score 1 - k / 20."""
    points = np.concatenate([FIGURE + (x, y), 1 - np.arange(17)[:, None] / 20], axis=1).astype(np.float32)
    box = np.array([x, y, x + 40, y + 100], np.float32)
    return Instance(box=box, score=score, keypoints=points, id=number, label="person")


def frame(number: int, *people: Instance, source: str = "clip.mp4", fps: float = 10) -> Frame:
    """A record of a video of 192 x 128."""
    width, height = SIZE
    return Frame(source, number, None, number / fps, width, height, "coco17", "toy", list(people))
