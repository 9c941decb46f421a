"""Frames come back from a temporary file as from records."""

import numpy as np

from rtmcli import Frame, Instance, decode_frame, encode_frame
from rtmcli.records.spool import FrameSpool


def test_frames_come_back_in_order_and_are_written_as_before() -> None:
    line = (
        b'{"note":[1,{"a":null}],"source":"a","frame":0,"instances":[{"score":0.3,"id":null,"box":[1,2,3,4],'
        b'"keypoints":[null,[1.5,2.25,0.1]],"keypoints3d":[[0.1,0.2,0.3,0.4]],"big":123456789012345678901},{}]}\n'
    )
    frames = [decode_frame(line.replace(b'"frame":0', b'"frame":%d' % n)) for n in range(150)]
    with FrameSpool() as spool:
        for frame in frames:
            spool.add(frame)
        assert [*map(encode_frame, spool)] == [*map(encode_frame, frames)]


def test_numbers_come_back_as_float32_that_can_be_changed() -> None:
    one = Instance(box=np.arange(4.0), score=0.1, keypoints=np.ones((2, 3))[::-1], id=7)
    with FrameSpool() as spool:
        spool.add(Frame(source="a", frame=0, instances=[one]))
        ((back,),) = [frame.instances for frame in spool]
    assert back.box is not None and back.keypoints is not None
    assert back.box.dtype == back.keypoints.dtype == np.float32 and back.score == float(np.float32(0.1))
    back.keypoints[0] = 5
    assert back.box.tolist() == [0, 1, 2, 3] and back.id == 7


def test_an_empty_spool_has_no_frames() -> None:
    with FrameSpool() as spool:
        assert [*spool] == []
