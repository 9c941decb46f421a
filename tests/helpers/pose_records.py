"""Records of a made video or image, for tests of file formats."""

from collections.abc import Sequence

import numpy as np

from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton


def clip(
    skeleton: str = "coco17", *, seed: int = 0, people: Sequence[int] = (1, 0, 2), source: str = "walk.mp4"
) -> list[Frame]:
    """A video of 640 x 480 with so many tracked people in each frame; the last keypoint of each is missing."""
    random = np.random.default_rng(seed)
    count = len(load_skeleton(skeleton))

    def person(number: int) -> Instance:
        points = random.uniform(1, 470, (count, 3)).astype(np.float32)
        points[:, 2] = random.uniform(0.1, 1, count).astype(np.float32)
        points[-1] = np.nan
        low = random.uniform(0, 200, 2)
        box = np.array([*low, *(low + random.uniform(10, 270, 2))], np.float32)
        return Instance(box=box, score=0.5, keypoints=points, id=number + 3, label="person")

    return [
        Frame(
            source=source, frame=number, frames=len(people), time=number / 30, width=640, height=480,
            skeleton=skeleton, model="m", instances=[person(i) for i in range(count_here)],
        )
        for number, count_here in enumerate(people)
    ]  # fmt: skip


def same_places(one: Instance, other: Instance, *, rtol: float = 1e-6) -> None:
    """Assert that two people have the same keypoints, with scores, and that the same ones are missing."""
    assert one.keypoints is not None and other.keypoints is not None
    np.testing.assert_allclose(other.keypoints, one.keypoints, rtol=rtol)
