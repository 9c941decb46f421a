"""RTMO after its suppression: the coordinate classifier runs on the kept cells only (RTMO, section 3.3).

The time for an image therefore hardly depends on the number of people in it. Three graphs are joined: the outputs of
all cells (traced), the suppression, and the classifier (traced) with the two small graphs below around it.
"""

import onnx
import torch
from onnx import compose, parser
from torch import Tensor, nn

from rtmcli.export.torch_trace import quietly
from rtmcli.networks.dcc import DCC


class Classifier(nn.Module):
    """Keypoints (R, K, 2) in input pixels of R people, given by pose vector (R, D), box (R, 4) and cell (R, 2)."""

    def __init__(self, dcc: DCC) -> None:
        super().__init__()
        self.network = dcc

    def forward(self, pose: Tensor, boxes: Tensor, centers: Tensor) -> Tensor:
        points: Tensor = self.network(pose, boxes, centers)
        return points


def append_classifier(suppressed: onnx.ModelProto, dcc: DCC, *, opset: int) -> onnx.ModelProto:
    """Append the classifier.

    Args:
        suppressed: gives `dets` (N, M, 5), `cells` (N, M), and for all cells `pose` (N, P, D), `visibility` (N, P, K)
            and `centers` (P, 2).
        dcc: the fused classifier.

    Returns:
        a model with the outputs `dets` and `keypoints` (N, M, K, 3): x, y in input pixels and visibility.
    """
    version = suppressed.ir_version
    gathered = compose.merge_models(
        suppressed,
        _gather(opset, version),
        io_map=[(name, name) for name in ("dets", "cells", "pose", "visibility", "centers")],
        outputs=["dets", "rows_pose", "rows_boxes", "rows_centers", "rows_visibility"],
    )
    classified = compose.merge_models(
        gathered,
        compose.add_prefix(_trace(dcc, opset), "dcc_"),
        io_map=[("rows_pose", "dcc_pose"), ("rows_boxes", "dcc_boxes"), ("rows_centers", "dcc_centers")],
        outputs=["dets", "rows_visibility", "dcc_points"],
    )
    return compose.merge_models(
        classified,
        _assemble(opset, version),
        io_map=[("rows_visibility", "visible"), ("dcc_points", "points")],
        outputs=["dets", "keypoints"],
    )


def _trace(dcc: DCC, opset: int) -> onnx.ModelProto:
    rows = torch.export.Dim("rows")
    pose = dcc.pose_to_kpts
    assert isinstance(pose, nn.Linear)  # the fused form
    with quietly():
        program = torch.onnx.export(
            Classifier(dcc).eval(),
            (torch.zeros(2, pose.in_features), torch.tensor([[0.0, 0.0, 8.0, 8.0]] * 2), torch.zeros(2, 2)),
            input_names=["pose", "boxes", "centers"],
            output_names=["points"],
            opset_version=opset,
            dynamo=True,
            dynamic_shapes=({0: rows}, {0: rows}, {0: rows}),
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _gather(opset: int, ir_version: int) -> onnx.ModelProto:
    """From all cells to the rows of the kept ones, N M of them in one table."""
    return parser.parse_model(f"""
        <ir_version: {ir_version}, opset_import: ["" : {opset}]>
        gather (float[N, M, 5] dets, int64[N, M] cells, float[N, P, D] pose, float[N, P, K] visibility,
                float[P, 2] centers)
            => (float[R, D] rows_pose, float[R, 4] rows_boxes, float[R, 2] rows_centers,
                float[N, M, K] rows_visibility)
        <int64[1] last = {{2}}, int64[1] first = {{0}}, int64[1] four = {{4}}, int64[2] flat = {{-1, 4}},
         int64[2] pairs = {{-1, 2}}, int64[1] any = {{-1}}>
        {{
            index = Unsqueeze (cells, last)
            some_pose = GatherND <batch_dims = 1> (pose, index)
            width = Shape <start = 2, end = 3> (pose)
            rows_shape = Concat <axis = 0> (any, width)
            rows_pose = Reshape (some_pose, rows_shape)
            corners = Slice (dets, first, four, last)
            rows_boxes = Reshape (corners, flat)
            some_centers = Gather <axis = 0> (centers, cells)
            rows_centers = Reshape (some_centers, pairs)
            rows_visibility = GatherND <batch_dims = 1> (visibility, index)
        }}
    """)


def _assemble(opset: int, ir_version: int) -> onnx.ModelProto:
    """Points of all rows and visibilities as one table for each image."""
    return parser.parse_model(f"""
        <ir_version: {ir_version}, opset_import: ["" : {opset}]>
        assemble (float[N, M, K] visible, float[R, K, 2] points) => (float[N, M, K, 3] keypoints)
        <int64[1] axis = {{3}}, int64[1] pair = {{2}}>
        {{
            people = Shape (visible)
            table_shape = Concat <axis = 0> (people, pair)
            table = Reshape (points, table_shape)
            shown = Unsqueeze (visible, axis)
            keypoints = Concat <axis = 3> (table, shown)
        }}
    """)
