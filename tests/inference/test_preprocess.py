"""What reaches a network: colours, normalisation and crops, for either contract."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from rtmcli.errors import UsageError
from rtmcli.geometry import affine
from rtmcli.inference.preprocess import Batch, check_images, crop, fill_input, normalise
from rtmcli.networks.graphs import Graph
from rtmcli.zoo.card import Card

RED, BLUE = (0, 0, 255), (255, 0, 0)  # BGR, as pictures are here
MEAN, STD = (10.0, 20.0, 30.0), (1.0, 2.0, 4.0)


def card(color: str, contract: str = "plain") -> Card:
    return Card(
        name="toy", family="rtmpose", size="t", task="topdown", width=6, height=4, mean=MEAN, std=STD,
        color=color, contract=contract,
    )  # fmt: skip


@pytest.mark.parametrize(("color", "of_red"), [("rgb", (255, 0, 0)), ("bgr", (0, 0, 255))])
@pytest.mark.parametrize("contract", ["plain", "deploy"])
def test_red_and_blue_reach_the_network_in_the_cards_order(
    color: str, contract: str, of_red: tuple[int, ...]
) -> None:
    batch = Batch(card(color, contract), "input")
    slots = batch.slots(2)  # (2, H, W, 3)
    slots[0], slots[1] = RED, BLUE
    feed = batch.feed(2)["input"]
    seen = Graph(nn.Identity(), card(color, contract)).normalised(torch.from_numpy(feed)).numpy()
    assert seen.shape == (2, 3, 4, 6)
    for picture, planes in zip((of_red, of_red[::-1]), seen, strict=True):
        expected = (np.array(picture) - MEAN) / STD
        np.testing.assert_allclose(planes, np.broadcast_to(expected[:, None, None], planes.shape), atol=1e-4)


def test_a_mirrored_feed_is_the_mirror_image() -> None:
    batch = Batch(card("bgr"), "input")
    batch.slots(1)[:] = np.random.default_rng(0).integers(0, 256, (1, 4, 6, 3))
    straight = batch.feed(1)["input"].copy()
    np.testing.assert_array_equal(batch.feed(1, mirrored=True)["input"], straight[..., ::-1])


def test_a_crop_that_does_not_shrink_is_the_plain_warp() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    matrix = affine.topdown_matrix(np.array([30.0, 25.0]), np.array([48.0, 64.0]), (32, 40))
    out = np.empty((40, 32, 3), np.uint8)
    crop(picture, matrix, out)
    np.testing.assert_array_equal(out, affine.warp(picture, matrix, (32, 40)))


@pytest.mark.parametrize("shrink", [2, 3, 5.5])
def test_a_crop_that_shrinks_averages_and_stays_in_place(shrink: float) -> None:
    """A smooth picture gives the same as the warp alone; a checkerboard gives grey in place of chance."""
    y, x = np.mgrid[:400, :300]
    smooth = np.stack([x * 0.8, y * 0.6, (x + y) * 0.35], axis=-1).astype(np.uint8)
    size = (32, 40)
    scale = np.array([size[0] * shrink, size[1] * shrink])
    matrix = affine.topdown_matrix(np.array([151.3, 203.7]), scale, size)
    out = np.empty((40, 32, 3), np.uint8)
    crop(smooth, matrix, out)
    inside = (slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(
        out[inside].astype(int), affine.warp(smooth, matrix, size)[inside].astype(int), atol=2
    )
    board = np.repeat(((x + y) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    crop(board, matrix, out)
    assert np.ptp(out[inside].astype(int)) <= (2 if shrink == 2 else 60)


def test_a_crop_beyond_the_picture_is_black_there() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    matrix = affine.topdown_matrix(np.array([0.0, 50.0]), np.array([90.0, 120.0]), (30, 40))
    out = np.empty((40, 30, 3), np.uint8)
    crop(white, matrix, out)
    assert (out[5:-5, :13] == 0).all() and (out[5:-5, 17:] == 255).all()
    crop(white, affine.topdown_matrix(np.array([900.0, 50.0]), np.array([90.0, 120.0]), (30, 40)), out)
    assert (out == 0).all()


def test_the_pipelines_crop_of_a_photograph_is_close_to_area_resampling() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (320, 240, 3), np.uint8)
    out = np.empty((80, 60, 3), np.uint8)
    crop(noise, affine.topdown_matrix(np.array([120.0, 160.0]), np.array([240.0, 320.0]), (60, 80)), out)
    area = cv2.resize(noise, (60, 80), interpolation=cv2.INTER_AREA)
    alone = cv2.resize(noise, (60, 80), interpolation=cv2.INTER_LINEAR)
    assert np.abs(out.astype(int) - area).mean() < 0.6 * np.abs(alone.astype(int) - area).mean()


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_what_is_no_picture_is_refused_with_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"\(H, W, 3\)"):
        check_images([np.zeros(shape, np.uint8)])


@pytest.mark.parametrize("task", ["topdown", "onestage", "detector"])
def test_a_point_of_the_image_is_where_its_placement_says(task: str) -> None:
    """A white cross in the image, found in the input by its maximum, is mapped back onto itself."""
    image = np.zeros((200, 300, 3), np.uint8)
    image[118:123, 168:173] = 255
    one = Card(name="toy", family="toy", size="t", task=task, width=96, height=128)
    out = np.empty((128, 96, 3), np.uint8)
    place = fill_input(image, one, out, np.array([100, 60, 220, 190], np.float32))
    white = np.array(out[..., 0], int) - (0 if task == "topdown" else 114)
    rows, columns = np.nonzero(white > 60)
    found = place.to_image(np.array([columns.mean(), rows.mean()], np.float32))
    np.testing.assert_allclose(found, [170, 120], atol=2.5)


@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_the_planes_of_numpy_are_those_of_torch(color: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    planes = np.empty((3, 4, 6), np.float32)
    normalise(image, card(color), planes)
    graph = Graph(nn.Identity(), card(color, "deploy"))
    np.testing.assert_allclose(planes, graph.normalised(torch.from_numpy(image)[None])[0], atol=2e-5)
