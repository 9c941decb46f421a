"""The proof of an export measures what it says: distances in pixels, and boxes that only one side found."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rtmcli.engines.base import Port
from rtmcli.errors import RtmError
from rtmcli.export.parity_check import Proof, compare, sample_pictures
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
    proof = compare(poses(0), poses(2), POSE, [PICTURE])  # type: ignore[arg-type]
    assert (proof.compared, proof.median, proof.p99, proof.worst) == (17, 2, 2, 2)
    assert proof.fault is not None and "2 px" in proof.fault
    assert compare(poses(0), poses(0.05), POSE, [PICTURE]).fault is None  # type: ignore[arg-type]
    half = compare(poses(0), poses(0.9), POSE, [PICTURE], precision="float16")  # type: ignore[arg-type]
    assert half.fault is None


def test_lower_precision_is_held_to_confident_keypoints_and_float32_to_all() -> None:
    before, after = np.ones((2, 17, 3), np.float32), np.ones((2, 17, 3), np.float32)
    before[1, :, 2] = 0.4  # below the threshold
    after[1, :, 0] += 30
    a, b = Fixed(keypoints=before), Fixed(keypoints=after)
    half = compare(a, b, POSE, [PICTURE], precision="bfloat16")  # type: ignore[arg-type]
    assert (half.p99, half.p99_confident, half.p99_held, half.fault) == (30, 0, 0, None)
    full = compare(a, b, POSE, [PICTURE])  # type: ignore[arg-type]
    assert full.fault == "keypoints are 30 px from torch's at p99, 0.1 px is the limit"
    after[0, :, 0] += 2
    half = compare(a, b, POSE, [PICTURE], precision="float16")  # type: ignore[arg-type]
    assert half.fault == "confident keypoints are 2 px from torch's at p99, 1 px is the limit"


def test_boxes_are_matched_and_the_lost_ones_counted() -> None:
    a = boxes([0, 0, 20, 20, 0.9], [30, 30, 60, 60, 0.8])
    moved = boxes([30, 30, 60.5, 60, 0.7], [0, 0, 20, 20, 0.9])
    proof = compare(a, moved, BOXES, [PICTURE])  # type: ignore[arg-type]
    assert (proof.compared, proof.unmatched, proof.worst) == (2, 0, 0.5)
    assert proof.score == pytest.approx(0.1, abs=1e-6)
    lost = compare(a, boxes([0, 0, 20, 20, 0.9]), BOXES, [PICTURE])  # type: ignore[arg-type]
    assert (lost.unmatched, lost.similarity) == (1, 0.5)
    assert lost.fault is not None and "one side only" in lost.fault


def test_a_detector_that_finds_nothing_proves_nothing() -> None:
    nobody = boxes([0, 0, 0, 0, 0])
    with pytest.raises(RtmError, match="--images DIR"):
        compare(nobody, nobody, BOXES, [PICTURE])  # type: ignore[arg-type]


def test_ap_may_fall_by_a_point_in_int8_and_by_a_tenth_of_one_in_float32() -> None:
    proof = Proof("keypoints", 1, 17, 0, 0, 0, 0, 0, 0.5, "int8", np.inf, ap_before=0.5, ap_after=0.491)
    assert proof.fault is None
    assert "AP falls" in str(replace(proof, ap_after=0.489).fault)
    assert "AP falls" in str(replace(proof, precision="float32", tolerance=0.1).fault)
    assert "like torch's" in str(replace(proof, ap_before=None, ap_after=None).fault)
    assert "tolerance" not in proof.to_dict()


def test_the_packaged_clip_gives_pictures_from_all_of_it() -> None:
    pictures = sample_pictures(None, most=3)
    assert len(pictures) == 3
    assert np.abs(pictures[0].astype(int) - pictures[2]).mean() > 1
