"""People who stand, for the tracker."""

import numpy as np

from rtmcli import Instance

# A standing figure of unit height about (0, 0): coco17, roughly.
FIGURE = np.array(
    [[0, -.45], [.03, -.47], [-.03, -.47], [.06, -.45], [-.06, -.45], [.12, -.3], [-.12, -.3], [.16, -.13],
     [-.16, -.13], [.17, .03], [-.17, .03], [.08, .03], [-.08, .03], [.09, .25], [-.09, .25], [.1, .47], [-.1, .47]]
)  # fmt: skip


def person(x: float, y: float, height: float, rng: np.random.Generator, noise: float = 0.0) -> Instance:
    """Somebody of this height about (x, y), in pixels; `noise` in heights."""
    points = FIGURE * height + [x, y] + rng.normal(0, noise * height, (17, 2))
    box = np.array([x - 0.2 * height, y - height / 2, x + 0.2 * height, y + height / 2])
    box += rng.normal(0, noise * height, 4)
    keypoints = np.concatenate([points, np.full((17, 1), 0.8)], axis=1).astype(np.float32)
    return Instance(box=box.astype(np.float32), score=0.9, keypoints=keypoints, label="person")
