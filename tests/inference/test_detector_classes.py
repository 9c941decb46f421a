"""A pose model gets the boxes of what it poses, or one sentence says which detector finds it."""

import pytest

from rtmcli.errors import UsageError
from rtmcli.inference.detector_classes import ANIMALS, classes_for
from rtmcli.zoo.card import Card
from rtmcli.zoo.names import find_entry


def card(name: str) -> Card:
    entry = find_entry(name)
    assert entry is not None
    return entry.card()


@pytest.mark.parametrize(
    ("pose", "detector", "classes"),
    [
        ("rtmpose-m", "rtmdet-nano-person", ("person",)),
        ("rtmw-l", "yolox-m", ("person",)),
        ("rtmpose-m-hand21", "rtmdet-nano-hand", ("hand",)),
        ("rtmpose-m-face106", "yolox-s-face", ("face",)),
        ("rtmpose-m-ap10k17", "rtmdet-m-coco80", ANIMALS),
    ],
)
def test_a_pose_model_takes_the_boxes_of_its_class(
    pose: str, detector: str, classes: tuple[str, ...]
) -> None:
    assert classes_for(card(pose), card(detector)) == classes


@pytest.mark.parametrize(
    ("pose", "detector", "message"),
    [
        (
            "rtmpose-m-hand21",
            "rtmdet-nano-person",
            "needs boxes of hands, .* give --detector rtmdet-nano-hand",
        ),
        ("rtmpose-m-hand21", "yolox-m", "needs boxes of hands"),
        (
            "rtmpose-m-ap10k17",
            "rtmdet-nano-person",
            "needs boxes of animals, .* give --detector yolox-m-coco80",
        ),
        ("rtmpose-m", "rtmdet-nano-hand", "needs boxes of people"),
    ],
)
def test_a_detector_of_something_else_is_one_sentence(pose: str, detector: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        classes_for(card(pose), card(detector))


@pytest.mark.parametrize(
    "name", ["rtmpose-m", "rtmw-l", "rtmpose-m-hand21", "rtmpose-m-face106", "rtmpose-m-ap10k17"]
)
def test_the_detector_that_an_error_names_does_find_it(name: str) -> None:
    stranger = Card(
        name="x", family="rtmdet", size="s", task="detector", width=320, height=320, classes=("kite",)
    )
    with pytest.raises(UsageError) as error:
        classes_for(card(name), stranger)
    named = str(error.value).split("--detector ")[1].split()[0]
    assert classes_for(card(name), card(named))
