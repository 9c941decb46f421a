"""Angles of real people against independent computations: of the published formulas, and of Sports2D's own code."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtmcli import (
    Detector,
    Frame,
    JointAngles,
    TopDown,
    items_of,
    load_skeleton,
    open_media,
    run_pipeline,
    to_metres,
)
from rtmcli.formats.marker_names import marker_name
from rtmcli.kinematics.floor import Floor
from rtmcli.kinematics.metres import metres_of
from tests.helpers.published_angles import PUBLISHED, published_angle

CLIP = "videos/sports2d_acrobat_and_walker.mp4"
NAMES = load_skeleton("coco17").keypoints
MIN_SCORE = 0.3


@pytest.fixture(scope="module")
def people(data_dir: Path) -> list[Frame]:
    """Every tenth frame of the clip with an acrobat and a walker, with their poses."""
    pose = TopDown()
    with open_media(str(data_dir / CLIP), every=10) as media:
        return [item.frame for item in run_pipeline(items_of([media], pose.card), find=Detector(), pose=pose)]


def seen(frame: Frame) -> Iterator[tuple[int, dict[str, complex]]]:
    """The place of each person and their keypoints x + iy; NaN below the least score."""
    for place, one in enumerate(frame.instances):
        assert one.keypoints is not None
        rows = np.where(one.keypoints[:, 2:] < MIN_SCORE, np.nan, one.keypoints).astype(np.float64)
        points = {name: complex(x, y) for name, (x, y, _) in zip(NAMES, rows.tolist(), strict=True)}
        points["neck"] = (points["left_shoulder"] + points["right_shoulder"]) / 2
        points["hip"] = (points["left_hip"] + points["right_hip"]) / 2
        yield place, points


def check(name: str, ours: float | None, expected: float, points: dict[str, complex]) -> bool:
    """Whether there is an angle, which must be the expected one. None where two keypoints coincide: no direction."""
    if ours is None:
        known = [at for at in points.values() if at == at]
        assert np.isnan(expected) or len(set(known)) < len(known), name
        return False
    half = 90 if name in ("pelvis", "shoulders") else 180
    assert (ours - expected + half) % (2 * half) - half == pytest.approx(0, abs=1e-3), name
    return True


def mirrored(point: complex) -> complex:
    return complex(-point.real, point.imag)


@pytest.mark.parametrize("side", ["auto", "right", "left"])
def test_angles_are_those_of_the_published_formulas(people: list[Frame], side: str) -> None:
    compared = 0
    for frame in people:
        measured = JointAngles(side, min_score=MIN_SCORE)(frame)
        for place, points in seen(frame):
            extra = measured.instances[place].extra
            facing = extra.get("side", "right")
            given = {name: mirrored(at) if facing == "left" else at for name, at in points.items()}
            for name in PUBLISHED.keys() & set(load_skeleton("coco17").angles) - {"head"}:
                expected = published_angle(name, given)
                compared += check(name, extra["angles"].get(name), expected, points)
    assert compared > 300


@pytest.mark.parametrize("side", ["right", "left"])
def test_angles_are_those_of_sports2d(people: list[Frame], side: str) -> None:
    process = pytest.importorskip("Sports2D.process")
    common = pytest.importorskip("Pose2Sim.common")
    angles = [name for name in common.angle_dict if name.replace(" ", "_") in load_skeleton("coco17").angles]
    angles.remove("head")  # of the top of the head, which coco17 has not
    compared = 0
    for frame in people:
        measured = JointAngles(side, min_score=MIN_SCORE)(frame)
        for place, points in seen(frame):
            names = [{"neck": "Neck", "hip": "Hip"}.get(name) or marker_name(name) for name in points]
            x = np.array([at.real for at in points.values()])
            y = np.array([at.imag for at in points.values()])
            _, theirs, _ = process.compute_angles_for_person(
                x, y, side, False, list(range(len(names))), names, angles, common.angle_dict
            )
            ours = measured.instances[place].extra["angles"]
            for name, value in zip(angles, theirs, strict=True):
                compared += check(name, ours.get(name.replace(" ", "_")), value, points)
    assert compared > 300


def test_metres_are_those_of_sports2d_without_its_correction_for_distance(people: list[Frame]) -> None:
    process = pytest.importorskip("Sports2D.process")
    pandas = pytest.importorskip("pandas")
    frame = next(frame for frame in people if frame.instances)
    one = frame.instances[0]
    (scaled,) = to_metres(
        [frame.__class__("a", 0, skeleton="coco17", instances=[one])], known=(0, 0, 0, 400, 1.75)
    )
    assert scaled.extra["metres_per_pixel"] == 1.75 / 400
    assert one.keypoints is not None
    table = pandas.DataFrame(
        {"a": one.keypoints[:, 0], "b": one.keypoints[:, 1], "c": 0 * one.keypoints[:, 1]}
    )
    for degrees in (0.0, 4.0, -7.0):
        # Sports2D's angle is that of the image, which it passes with the other sign to this function.
        theirs = process.convert_px_to_meters(
            table, 1.75, 400, np.inf, 1768, 994, 0, 900, -np.radians(degrees)
        ).to_numpy()[:, :2]
        ours = metres_of(one.keypoints[:, :2].astype(float), 1.75 / 400, Floor(degrees, 900))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
