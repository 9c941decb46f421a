"""A model file that leaves height and width open runs at the size that is asked for; any other keeps its own."""

import numpy as np
import pytest

from rtmcli import Detector, open_media
from rtmcli.cli.option_values import size_of
from rtmcli.engines.base import Port
from rtmcli.errors import UsageError
from rtmcli.geometry.boxes import iou_matrix
from rtmcli.inference.open_model import at_size
from rtmcli.zoo.card import Card

CARD = Card(name="d", family="rtmdet", size="nano", task="detector", width=320, height=320, contract="deploy")
OPEN = Port("image", (None, None, None, 3), "uint8")
FIXED = Port("image", (None, 320, 320, 3), "uint8")


def test_a_size_is_a_side_or_width_and_height() -> None:
    assert size_of("480", "--det-size") == (480, 480)
    assert size_of("640x384", "--det-size") == (640, 384)
    assert size_of(None, "--det-size") is None
    for text in ("x480", "480x", "big", "0"):
        with pytest.raises(UsageError, match="--det-size"):
            size_of(text, "--det-size")


def test_a_file_with_an_open_size_takes_the_size_that_is_asked_for() -> None:
    card = at_size(CARD, OPEN, (640, 384))
    assert (card.width, card.height) == (640, 384)
    assert at_size(CARD, OPEN, None) is CARD


def test_a_size_between_the_strides_is_an_error() -> None:
    with pytest.raises(UsageError, match="multiples of 32"):
        at_size(CARD, OPEN, (500, 480))


def test_a_file_with_a_fixed_size_refuses_another_one_and_says_its_own() -> None:
    assert at_size(CARD, FIXED, (320, 320)) is CARD
    with pytest.raises(UsageError, match="takes images of 320x320, not of 480x480"):
        at_size(CARD, FIXED, (480, 480))


def test_the_bundled_detector_finds_the_same_people_at_another_size() -> None:
    with open_media("demo", max_frames=1) as media:
        image = next(iter(media)).image
    usual, larger = (Detector(size=size, threads=1)([image])[0] for size in (None, (480, 480)))
    assert (
        [person.label for person in usual] == [person.label for person in larger] == ["person"] * len(usual)
    )
    a, b = (np.stack([person.box for person in found if person.box is not None]) for found in (usual, larger))
    assert iou_matrix(a, b).max(axis=1).min() > 0.7
