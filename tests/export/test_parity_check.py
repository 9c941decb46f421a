"""The parity check measures distances in pixels and counts boxes that only one model found."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rtmcli.engines.base import Port
from rtmcli.errors import RtmError
from rtmcli.export.parity_check import Parity, compare, sample_images
from rtmcli.zoo.card import Card

POSE = Card(
    name="p",
    family="rtmpose",
    size="t",
    task="topdown",
    skeleton="coco17",
    width=64,
    height=96,
    contract="deploy",
)
BOXES = Card(name="d", family="rtmdet", size="t", task="detector", width=64, height=64, contract="deploy")
PICTURE = np.full((80, 60, 3), 90, np.uint8)


class Fixed:
    """An engine that gives the same whatever it sees."""

    card = None
    inputs = (Port("image", (None, 8, 8, 3), "uint8"),)
    outputs: tuple[Port, ...] = ()

    def __init__(self, **outputs: Any) -> None:
        self.given = outputs

    def __call__(self, feeds: Any, names: Any = None) -> Any:
        return self.given

    def facts(self) -> dict[str, Any]:
        return {}


def poses(shift: float) -> Fixed:
    points = np.ones((1, 17, 3), np.float32)
    points[..., 0] += shift
    return Fixed(keypoints=points)


def boxes(*rows: list[float]) -> Fixed:
    return Fixed(dets=np.array([rows], np.float32), labels=np.zeros((1, len(rows)), np.int64))


def test_keypoints_apart_by_two_pixels_are_two_pixels_apart() -> None:
    parity = compare(poses(0), poses(2), POSE, [PICTURE])
    assert (parity.compared, parity.median, parity.p99, parity.worst) == (17, 2, 2, 2)
    assert parity.failure is not None and "2 px" in parity.failure
    assert compare(poses(0), poses(0.05), POSE, [PICTURE]).failure is None
    half = compare(poses(0), poses(0.9), POSE, [PICTURE], precision="float16")
    assert half.failure is None


def test_lower_precision_is_held_to_confident_keypoints_and_float32_to_all() -> None:
    before, after = np.ones((2, 17, 3), np.float32), np.ones((2, 17, 3), np.float32)
    before[1, :, 2] = 0.4  # below the threshold
    after[1, :, 0] += 30
    a, b = Fixed(keypoints=before), Fixed(keypoints=after)
    half = compare(a, b, POSE, [PICTURE], precision="bfloat16")
    assert (half.p99, half.p99_confident, half.p99_held, half.failure) == (30, 0, 0, None)
    full = compare(a, b, POSE, [PICTURE])
    assert full.failure == "keypoints differ from torch's by 30 px at p99, the limit is 0.1 px"
    after[0, :, 0] += 2
    half = compare(a, b, POSE, [PICTURE], precision="float16")
    assert half.failure == "confident keypoints differ from torch's by 2 px at p99, the limit is 1 px"


def test_boxes_are_matched_and_the_lost_ones_counted() -> None:
    a = boxes([0, 0, 20, 20, 0.9], [30, 30, 60, 60, 0.8])
    moved = boxes([30, 30, 60.5, 60, 0.7], [0, 0, 20, 20, 0.9])
    parity = compare(a, moved, BOXES, [PICTURE])
    assert (parity.compared, parity.unmatched, parity.worst) == (2, 0, 0.5)
    assert parity.score == pytest.approx(0.1, abs=1e-6)
    lost = compare(a, boxes([0, 0, 20, 20, 0.9]), BOXES, [PICTURE])
    assert (lost.unmatched, lost.similarity) == (1, 0.5)
    assert lost.failure is not None and "one model only" in lost.failure


def test_a_detector_that_finds_nothing_cannot_be_checked() -> None:
    nobody = boxes([0, 0, 0, 0, 0])
    with pytest.raises(RtmError, match="--images DIR"):
        compare(nobody, nobody, BOXES, [PICTURE])


def test_ap_may_fall_by_a_point_in_int8_and_by_a_tenth_of_one_in_float32() -> None:
    parity = Parity("keypoints", 1, 17, 0, 0, 0, 0, 0, 0.5, "int8", np.inf, ap_before=0.5, ap_after=0.491)
    assert parity.failure is None
    assert "AP falls" in str(replace(parity, ap_after=0.489).failure)
    assert "AP falls" in str(replace(parity, precision="float32", tolerance=0.1).failure)
    assert "similarity" in str(replace(parity, ap_before=None, ap_after=None).failure)
    assert "tolerance" not in parity.to_dict()


def test_the_packaged_clip_gives_pictures_from_all_of_it() -> None:
    pictures = sample_images(None, most=3)
    assert len(pictures) == 3
    assert np.abs(pictures[0].astype(int) - pictures[2]).mean() > 1
