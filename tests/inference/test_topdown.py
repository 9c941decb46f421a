"""Poses land on the picture, one for each box, whatever the batch."""

from dataclasses import replace as replace_card
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.engines.base import Port
from rtmcli.errors import RtmError, UsageError
from rtmcli.inference.detector import Detector
from rtmcli.inference.open_model import OpenModel
from rtmcli.inference.topdown import MAX_CROPS_ON_CPU, TopDown
from rtmcli.records.frame import Instance


@pytest.fixture(scope="module")
def pose() -> TopDown:
    return TopDown(threads=1)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return cv2.resize(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8), (300, 200))


def person(*box: float, **more: object) -> Instance:
    return Instance(box=np.array(box, np.float32), score=0.9, **more)


def test_each_box_gets_its_keypoints_and_keeps_the_rest(pose: TopDown, noise: np.ndarray) -> None:
    first = person(10, 20, 60, 150, id=7, label="person", extra={"team": "red"})
    second, unseen = person(100, 5, 180, 190), Instance(id=3)
    ((a, b, c), nobody) = pose([noise, noise], [[first, unseen, second], []])
    assert nobody == [] and b is unseen
    assert a.keypoints.shape == c.keypoints.shape == (17, 3)
    assert a.keypoints.dtype == np.float32
    assert (a.id, a.label, a.extra, a.score) == (7, "person", {"team": "red"}, 0.9)
    assert first.keypoints is None  # the instance that was given is left alone


def test_a_crowd_in_one_call_gives_what_each_gives_alone(pose: TopDown, noise: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 150, (MAX_CROPS_ON_CPU + 3, 2))
    people = [person(x, y, x + 40, y + 90) for x, y in corners]
    together = pose([noise], [people])[0]
    for index in (0, 1, MAX_CROPS_ON_CPU - 1, MAX_CROPS_ON_CPU, MAX_CROPS_ON_CPU + 2):
        alone = pose([noise], [[people[index]]])[0][0]
        np.testing.assert_allclose(together[index].keypoints[:, 2], alone.keypoints[:, 2], atol=1e-4)
        close = np.abs(together[index].keypoints - alone.keypoints)[:, :2].max(axis=1) < 0.01
        assert close.mean() > 0.9  # on noise, an argmax may jump between two equal bins


def test_the_flip_test_of_a_mirrored_picture_is_the_mirrored_pose(noise: np.ndarray) -> None:
    flipping = TopDown(threads=1, flip_test=True)
    people = [person(30, 20, 110, 180)]
    # A crop's middle lies half an input pixel right of its centre: the mirrored box moves by one.
    left = 299 - 110 + 200 / flipping.card.height
    mirrored = [person(left, 20, left + 80, 180)]
    a = flipping([noise], [people])[0][0].keypoints
    b = flipping([np.ascontiguousarray(noise[:, ::-1])], [mirrored])[0][0].keypoints
    np.testing.assert_allclose(a[:, 2], b[flipping.skeleton.flip, 2], atol=0.01)


def test_a_box_without_area_gives_finite_points(pose: TopDown, noise: np.ndarray) -> None:
    found = pose([noise], [[person(50, 50, 50, 50), person(-500, -500, -400, -300)]])[0]
    assert all(np.isfinite(p.keypoints).all() for p in found)


def test_limbs_lie_inside_the_box_of_a_person_who_stands_in_full_view(data_dir: Path, pose: TopDown) -> None:
    import av

    with av.open(str(data_dir / "videos" / "dance_single.mp4")) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="bgr24")
    (people,) = pose([picture], Detector(threads=1)([picture]))
    assert len(people) == 1
    points, (x1, y1, x2, y2) = people[0].keypoints, people[0].box
    assert points[:, 2].mean() > 0.4
    margin = 0.1 * (y2 - y1)
    assert ((points[:, 0] > x1 - margin) & (points[:, 0] < x2 + margin)).all()
    nose, ankles = points[0, 1], points[15:, 1]
    assert nose < points[5:7, 1].mean() < points[11:13, 1].mean() < ankles.mean()


def test_a_network_that_gives_no_number_is_an_error_and_no_null(pose: TopDown, noise: np.ndarray) -> None:
    class Broken:
        card, inputs, outputs = pose.card, pose.engine.inputs, pose.engine.outputs

        def __call__(self, feeds, names=None):
            return {"keypoints": np.full((1, 17, 3), np.nan, np.float32)}

        def facts(self):
            return {}

    with pytest.raises(RtmError, match="NaN or infinity in its output keypoints"):
        TopDown(OpenModel(Broken(), pose.card))([noise], [[person(0, 0, 50, 90)]])


def test_a_model_with_depth_gives_points_in_metres_about_the_hips(pose: TopDown, noise: np.ndarray) -> None:
    """Bins put by hand: every point in the middle of the crop, the nose half the range nearer, an ankle farther."""
    card = replace_card(
        pose.card,
        family="rtmw3d",
        width=288,
        height=384,
        contract="plain",
        codec={"name": "simcc3d", "ratio": 2.0},
    )

    class Deep:
        inputs, outputs = (
            [Port("input", (None, 3, 384, 288), "float32")],
            [Port(n, (), "float32") for n in "105"],
        )

        def facts(self):
            return {"device": "cpu"}

        def __call__(self, feeds, names=None):
            x, y, z = (np.zeros((1, 17, bins), np.float32) for bins in (576, 768, 576))
            x[..., 288] = y[..., 384] = 0.8
            z[..., 288] = 1
            z[0, 0, 144], z[0, 16, 432] = 2, 2
            return {"1": x, "0": y, "5": z}

    Deep.card = card
    box = person(100, 20, 190, 140)
    (found,) = TopDown(OpenModel(Deep(), card))([noise], [[box]])[0]
    np.testing.assert_allclose(found.keypoints[:, :2], [[145, 80]] * 17, atol=1e-3)
    deep = found.keypoints3d
    assert deep.shape == (17, 4) and deep.dtype == np.float32
    np.testing.assert_allclose(deep[:, 3], 0.8)
    np.testing.assert_allclose(deep[[11, 12], :3], 0, atol=1e-6)
    half = 2.1744869 / 2
    np.testing.assert_allclose(deep[[0, 16, 5], 2], [-half, half, 0], atol=1e-5)


def test_a_detector_is_refused_as_a_pose_model() -> None:
    with pytest.raises(UsageError, match="rtmdet-nano is a detector"):
        TopDown("rtmdet-nano", threads=1)


def test_the_same_instances_may_be_given_for_two_images(pose: TopDown, noise: np.ndarray) -> None:
    people, other = [person(60, 60, 260, 420)], np.ascontiguousarray(noise[:, ::-1])
    together = pose([noise, other], [people, people])
    for image, found in zip([noise, other], together, strict=True):
        np.testing.assert_allclose(found[0].keypoints, pose(image, people)[0].keypoints, atol=1e-3)
    assert not np.allclose(together[0][0].keypoints, together[1][0].keypoints, atol=1)
