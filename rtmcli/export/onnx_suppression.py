"""Non-maximum suppression as ONNX: from boxes and scores of all cells to `dets` and `labels` of each image.

NonMaxSuppression lists (image, class, box) triples of the whole batch; the other nodes sort them into one padded
table for each image. Padding rows have score 0. There is always at least one, so no table is empty.
"""

import onnx
from onnx import parser

PER_CLASS = 200  # as the official exports


def suppression(*, score: float, iou: float, keep: int, opset: int, ir_version: int) -> onnx.ModelProto:
    """A model `boxes` (N, P, 4), `scores` (N, C, P) -> `dets` (N, M, 5), `labels`, `cells` (N, M), by falling score.

    `cells` is the index of a row's box among the P; 0 in padding rows.

    Args:
        score: pairs of box and class with a lower score are dropped.
        iou: a box that overlaps a better one of its class by a higher IoU is dropped.
        keep: maximum of rows of an image.
    """
    return parser.parse_model(f"""
        <ir_version: {ir_version}, opset_import: ["" : {opset}]>
        suppression (float[batch, P, 4] boxes, float[batch, C, P] scores)
            => (float[batch, count, 5] dets, int64[batch, count] labels, int64[batch, count] cells)
        <
            int64[1] per_class = {{{PER_CLASS}}}, float[1] iou = {{{iou}}}, float[1] least = {{{score}}},
            int64[1] keep = {{{keep}}},
            int64[1] second = {{1}}, int64[1] third = {{2}},
            int64[2] ends = {{0, 2}}, int64 zero = {{0}}, int64 one = {{1}}, int64 two = {{2}}, float nought = {{0}},
            float[1] no_score = {{0}}, int64[1] no_label = {{0}}, float[1,4] no_box = {{0, 0, 0, 0}}
        >
        {{
            found = NonMaxSuppression (boxes, scores, per_class, iou, least)
            picture = Gather <axis = 1> (found, zero)
            label = Gather <axis = 1> (found, one)
            place = Gather <axis = 1> (found, ends)
            score = GatherND (scores, found)
            box = GatherND (boxes, place)
            all_scores = Concat <axis = 0> (score, no_score)
            all_labels = Concat <axis = 0> (label, no_label)
            all_boxes = Concat <axis = 0> (box, no_box)
            nobody = Shape <start = 0, end = 1> (boxes)
            all_pictures = Concat <axis = 0> (picture, nobody)
            batch_size = Squeeze (nobody)
            numbers = Range (zero, batch_size, one)
            rows = Unsqueeze (numbers, second)
            own = Equal (rows, all_pictures)
            own_scores = Where (own, all_scores, nought)
            candidates = Shape (all_scores)
            count = Min (candidates, keep)
            best, order = TopK <axis = 1> (own_scores, count)
            best_boxes = Gather <axis = 0> (all_boxes, order)
            column = Unsqueeze (best, third)
            dets = Concat <axis = 2> (best_boxes, column)
            labels = Gather <axis = 0> (all_labels, order)
            cell = Gather <axis = 1> (found, two)
            all_cells = Concat <axis = 0> (cell, no_label)
            cells = Gather <axis = 0> (all_cells, order)
        }}
    """)
