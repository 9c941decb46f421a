"""The number of people is set exactly, and what is drawn of it is a picture."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import compose, helper, numpy_helper, parser

from rtmcli.bench.people import bench_people, plot_people
from rtmcli.errors import RtmError
from rtmcli.export.onnx_suppression import suppression
from rtmcli.zoo.card import METADATA_KEY, Card

CELLS = 30


def write_onestage(path: Path) -> Path:
    """An RTMO in form: 30 cells of fixed boxes and falling scores, every keypoint in its box's corner."""
    boxes = np.tile(np.array([4, 4, 40, 60], np.float32), (1, CELLS, 1))
    scores = np.linspace(0.9, 0.2, CELLS, dtype=np.float32).reshape(1, 1, CELLS)
    cells = parser.parse_model("""
        <ir_version: 10, opset_import: ["" : 18]>
        cells (uint8[N, 64, 64, 3] image) => (float[batch, P, 4] boxes, float[batch, C, P] scores)
        <float toy_zero = {0}> {
            bright = Cast <to = 1> (image)
            mean = ReduceMean <keepdims = 0> (bright)
            nothing = Mul (mean, toy_zero)
            boxes = Add (fixed_boxes, nothing)
            scores = Add (fixed_scores, nothing)
        }
    """)
    for name, value in (("fixed_boxes", boxes), ("fixed_scores", scores)):
        cells.graph.initializer.append(numpy_helper.from_array(value, name))
    points = parser.parse_model("""
        <ir_version: 10, opset_import: ["" : 18]>
        points (float[N, M, 5] rows) => (float[N, M, K, 3] keypoints)
        <int64[1] toy_first = {0}, int64[1] toy_third = {3}, int64[1] toy_two = {2}, int64[4] times = {1, 1, 17, 1}> {
            corners = Slice (rows, toy_first, toy_third, toy_two)
            toy_one = Unsqueeze (corners, toy_two)
            keypoints = Tile (toy_one, times)
        }
    """)
    tail = suppression(score=0.1, iou=0.65, keep=100, opset=18, ir_version=10)
    found = compose.merge_models(
        cells, tail, io_map=[("boxes", "boxes"), ("scores", "scores")], outputs=["dets"]
    )
    found.graph.node.append(helper.make_node("Identity", ["dets"], ["for_points"]))
    found.graph.output.append(
        helper.make_tensor_value_info("for_points", onnx.TensorProto.FLOAT, [None, None, 5])
    )
    model = compose.merge_models(
        found, points, io_map=[("for_points", "rows")], outputs=["dets", "keypoints"]
    )
    card = Card(
        name="toy",
        family="rtmo",
        size="t",
        task="onestage",
        width=64,
        height=64,
        skeleton="coco17",
        contract="deploy",
    )
    helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    onnx.save(model, str(path))
    return path


def test_both_ways_are_timed_for_every_number_of_people_and_drawn(tmp_path: Path) -> None:
    toy = write_onestage(tmp_path / "toy.onnx")
    rows = bench_people(
        [1, 3, 8], detector="rtmdet-nano", model="rtmpose-t", onestage=str(toy), rounds=2, threads=1
    )
    assert {(row["way"], row["people"]) for row in rows} == {
        (way, n) for way in ("top-down", "one-stage") for n in (1, 3, 8)
    }
    assert all(row["ms"] > 0 and row["rounds"] == 2 for row in rows)
    assert [row["over one"] for row in rows if row["people"] == 1] == [1.0, 1.0]
    plot_people(rows, tmp_path / "cost.png", "toy")
    assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")


def test_more_people_than_the_model_gives_are_refused(tmp_path: Path) -> None:
    toy = write_onestage(tmp_path / "toy.onnx")
    with pytest.raises(RtmError, match="leave 60 out"):
        bench_people(
            [1, 60], detector="rtmdet-nano", model="rtmpose-t", onestage=str(toy), rounds=1, threads=1
        )
