"""The record of a picture: its fields are copied in one place."""

import numpy as np

from rtmcli.records.frame import Frame, Instance
from rtmcli.records.picture import Picture


def test_a_record_has_the_fields_of_its_picture() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    picture = Picture(image, "shots", 4, 9, 0.16, 3, 2, file="shots/4.png", dropped=1, stream=2)
    person = Instance(label="person")
    frame = Frame.from_picture(picture, [person], skeleton="coco17", model="rtmpose-t")
    assert (frame.source, frame.frame, frame.frames, frame.time) == ("shots", 4, 9, 0.16)
    assert (frame.width, frame.height, frame.skeleton, frame.model) == (3, 2, "coco17", "rtmpose-t")
    assert frame.instances == [person]
    assert frame.extra == {"file": "shots/4.png", "dropped": 1, "stream": 2}


def test_a_record_of_a_plain_picture_has_no_further_keys() -> None:
    frame = Frame.from_picture(Picture(np.zeros((2, 3, 3), np.uint8), "a.png", 0, 1, None, 3, 2))
    assert frame.extra == {} and frame.instances == [] and frame.skeleton is None
