"""Records to bytes and back: nothing is lost, nothing is rounded."""

import io
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli import read_frames, write_frames
from rtmcli.errors import DataError
from rtmcli.records.frame import FRAME_KEYS, INSTANCE_KEYS, Frame, Instance
from rtmcli.records.line_io import Sink
from rtmcli.records.ndjson import decode_frame, encode_frame

float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
unknown = st.dictionaries(
    st.text().filter(lambda key: key not in {*FRAME_KEYS, *INSTANCE_KEYS}), json_values, max_size=3
)


def rows(width: int) -> st.SearchStrategy[np.ndarray]:
    row = st.lists(float32, min_size=width, max_size=width) | st.just([float("nan")] * width)
    return st.lists(row, max_size=5).map(lambda values: np.array(values, np.float32).reshape(-1, width))


instances = st.builds(
    Instance,
    box=st.none() | st.lists(float32, min_size=4, max_size=4).map(lambda v: np.array(v, np.float32)),
    score=st.none() | st.floats(0, 1, width=32),
    keypoints=st.none() | rows(3),
    keypoints3d=st.none() | rows(4),
    id=st.none() | st.integers(0, 2**53),
    label=st.none() | st.text(),
    extra=unknown,
)
frames = st.builds(
    Frame,
    source=st.text(),
    frame=st.integers(0, 2**53),
    frames=st.none() | st.integers(0, 2**53),
    time=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    width=st.none() | st.integers(0, 10**6),
    height=st.none() | st.integers(0, 10**6),
    skeleton=st.none() | st.text(),
    model=st.none() | st.text(),
    instances=st.lists(instances, max_size=3),
    extra=unknown,
)


def bits(array: np.ndarray | None) -> Any:
    return (
        None if array is None else (array.shape, array.dtype, np.where(np.isnan(array), 0, array).tobytes())
    )


def same(a: Frame, b: Frame) -> None:
    for name in ("source", "frame", "frames", "width", "height", "skeleton", "model", "extra"):
        assert getattr(a, name) == getattr(b, name), name
    assert (a.time is None) == (b.time is None)
    assert a.time is None or struct.pack("d", a.time) == struct.pack("d", b.time)
    assert len(a.instances) == len(b.instances)
    for x, y in zip(a.instances, b.instances, strict=True):
        assert (x.id, x.label, x.score, x.extra) == (y.id, y.label, y.score, y.extra)
        for name in ("box", "keypoints", "keypoints3d"):
            assert bits(getattr(x, name)) == bits(getattr(y, name)), name


@given(frames)
@settings(max_examples=60, deadline=None)
def test_a_frame_comes_back_bit_by_bit_and_its_line_byte_by_byte(frame: Frame) -> None:
    line = encode_frame(frame)
    back = decode_frame(line)
    same(frame, back)
    assert encode_frame(back) == line
    json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*FRAME_KEYS, "x", "y"]), unique=True), st.data())
def test_the_order_of_keys_is_kept(order: list[str], data: st.DataObject) -> None:
    values = {"source": "s", "frame": 1, "time": 0.5, "instances": [], "skeleton": "coco17", "model": "m"}
    order += [key for key in ("source", "frame", "instances") if key not in order]
    record = {key: values.get(key, data.draw(st.integers(0, 9))) for key in order}
    line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
    assert encode_frame(decode_frame(line)) == line


def test_every_float32_is_restored_from_its_digits() -> None:
    patterns = np.random.default_rng(0).integers(0, 2**32, 60_000, dtype=np.uint64).astype(np.uint32)
    edges = np.array([0, 1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x80000000, 0x80000001], np.uint32)
    values = np.concatenate([patterns, edges]).view(np.float32)
    values = values[np.isfinite(values)]
    values = values[: len(values) // 3 * 3].reshape(-1, 3)
    back = (
        decode_frame(encode_frame(Frame("s", 0, instances=[Instance(keypoints=values)])))
        .instances[0]
        .keypoints
    )
    assert back is not None and back.tobytes() == values.tobytes()


def test_digits_are_the_fewest_that_restore_the_value() -> None:
    instance = Instance(box=np.array([0.1, 1 / 3, 1e20, 5], np.float32), score=0.9)
    line = encode_frame(Frame("s", 0, time=0.1, instances=[instance]))
    assert b'"time":0.1,' in line
    assert b'"box":[0.1,0.33333334,1e+20,5.0],"score":0.9' in line


def test_nan_and_infinity_are_written_as_null() -> None:
    points = np.array([[1, 2, 0.5], [np.nan] * 3, [np.nan, 2, np.inf]], np.float32)
    line = encode_frame(Frame("s", 0, time=float("inf"), instances=[Instance(keypoints=points)]))
    assert json.loads(line)["instances"][0]["keypoints"] == [[1, 2, 0.5], None, [None, 2, None]]
    assert json.loads(line)["time"] is None
    back = decode_frame(line).instances[0].keypoints
    assert back is not None and np.isnan(back[1]).all() and np.isnan(back[2, 2])


def test_a_keypoint_without_values_is_one_null_beside_keys_that_hold_null() -> None:
    line = (
        b'{"source":"s","frame":0,"instances":[{"keypoints":null,"keypoints3d":[null,[1.0,2.0,3.0,0.5]]},'
        b'{"keypoints":[[1.0,2.0,0.5],null],"mine":[[null,null,null]]}]}\n'
    )
    assert encode_frame(decode_frame(line)) == line


@pytest.mark.parametrize(
    ("instance", "told"),
    [
        (b'{"keypoints":[[1,2,true]]}', "instances[1]: box and keypoints must be numbers, got a boolean"),
        (b'{"box":[1,2,3,false]}', "instances[1]: box and keypoints must be numbers, got a boolean"),
        (b'{"keypoints":[[1,2,"3"]]}', r"instances[1]: keypoints[0][2] must be a number, got a string"),
        (b'{"keypoints":[[1,2]]}', r"instances[1]: keypoints[0] must be null or 3 numbers, got 2 values"),
        (b'{"keypoints":["abc"]}', r"instances[1]: keypoints[0] must be null or 3 numbers, got a string"),
        (b'{"keypoints":[[1,2,1e39]]}', "instances[1]: 'keypoints' holds a number beyond float32"),
        (b'{"box":[1,2,3,-1e39]}', "instances[1]: 'box' holds a number beyond float32"),
        (b'{"box":[1,2,3,"4"]}', "instances[1]: 'box' must be four numbers x1, y1, x2, y2"),
    ],
)
def test_coordinates_that_are_no_numbers_are_named(instance: bytes, told: str) -> None:
    line = b'{"source":"s","frame":0,"instances":[{"mine":true},' + instance + b"]}"
    with pytest.raises(DataError) as raised:
        decode_frame(line)
    assert str(raised.value) == f"record: {told}"


def test_known_keys_that_hold_null_stay() -> None:
    line = b'{"source":"s","frame":0,"time":null,"instances":[{"id":null,"box":null,"score":0.5}]}\n'
    frame = decode_frame(line)
    assert frame.time is None and frame.instances[0].id is None
    assert encode_frame(frame) == line
    numbered = replace(frame, instances=[replace(frame.instances[0], id=4)])
    assert encode_frame(numbered) == line.replace(b'"id":null', b'"id":4')


def test_a_key_that_is_taken_away_is_gone() -> None:
    frame = decode_frame(b'{"source":"s","frame":0,"instances":[{"id":3,"score":0.5,"mine":1}]}\n')
    bare = replace(frame, instances=[replace(frame.instances[0], id=None)])
    assert encode_frame(bare) == b'{"source":"s","frame":0,"instances":[{"score":0.5,"mine":1}]}\n'


def test_a_new_instance_and_one_that_was_read_have_the_same_line() -> None:
    made = Instance(box=np.array([1, 2, 3, 4], np.float32), score=0.5, label="person")
    line = encode_frame(Frame("s", 0, instances=[made]))
    read = decode_frame(line)
    tracked = replace(
        read, instances=[replace(read.instances[0], id=7, keypoints=np.ones((1, 3), np.float32))]
    )
    here = Frame("s", 0, instances=[replace(made, id=7, keypoints=np.ones((1, 3), np.float32))])
    assert encode_frame(tracked) == encode_frame(here)


def test_whole_numbers_written_as_floats_are_counts() -> None:
    frame = decode_frame(b'{"source":"s","frame":12.0,"width":640.0,"instances":[{"id":3.0}]}')
    assert (frame.frame, frame.width, frame.instances[0].id) == (12, 640, 3)


def test_files_are_written_under_a_temporary_name_and_renamed(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("old")
    frame = Frame("s", 0)

    def failing() -> Any:
        yield frame
        assert target.read_text() == "old"
        raise DataError("broken")

    with pytest.raises(DataError):
        write_frames(failing(), target)
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]
    assert write_frames([frame, frame], target) == 2
    assert target.read_bytes() == encode_frame(frame) * 2 and list(tmp_path.iterdir()) == [target]


def test_streams_are_read_and_written_where_they_stand() -> None:
    sink = io.BytesIO()
    write_frames([Frame("s", 0), Frame("s", 1)], sink)
    assert [frame.frame for frame in read_frames(io.BytesIO(sink.getvalue()))] == [0, 1]


def test_a_file_of_a_live_source_gets_each_line_at_once(tmp_path: Path) -> None:
    for keep in (False, True):
        with Sink(tmp_path / "a.jsonl", keep=keep) as sink:
            sink.write(b'{"frame":0}\n')
            (file,) = tmp_path.iterdir()  # the temporary one
            assert file.read_bytes() == (b'{"frame":0}\n' if keep else b"")
        (tmp_path / "a.jsonl").unlink()
