"""RTMDet's test-time path on given maps, and its non-maximum suppression."""

import numpy as np
import pytest
import torch

from rtmcli.networks.rtmdet import decode, nms_by_class
from tests.helpers.catalogue import GOLDENS

GOLDEN = np.load(GOLDENS / "rtmdet_head_loss.npz", allow_pickle=False)
SUPPRESSION = np.load(GOLDENS / "nms_oks.npz", allow_pickle=False)


def test_a_batch_of_maps_decodes_to_the_reference_boxes():
    scores = [torch.from_numpy(GOLDEN[f"cls_{level}"]) for level in range(3)]
    distances = [torch.from_numpy(GOLDEN[f"dist_{level}"]) for level in range(3)]
    found = decode(scores, distances, score=0.05, iou=0.6, before=1000, keep=100, size=(128, 128))
    for image, (boxes, values, labels) in enumerate(found):
        np.testing.assert_allclose(values.numpy(), GOLDEN[f"pred_scores_{image}"], atol=1e-4)
        np.testing.assert_allclose(boxes.numpy(), GOLDEN[f"pred_bboxes_{image}"], atol=1e-3)
        np.testing.assert_array_equal(labels.numpy(), GOLDEN[f"pred_labels_{image}"])


@pytest.mark.parametrize("iou", [0.3, 0.45, 0.5, 0.65])
def test_suppression_keeps_what_the_reference_keeps_in_its_order(iou):
    boxes, scores = (torch.from_numpy(SUPPRESSION[name]) for name in ("boxes", "scores"))
    kept = nms_by_class(boxes, scores, torch.zeros(len(boxes), dtype=torch.int64), iou)
    np.testing.assert_array_equal(kept.numpy(), SUPPRESSION[f"nms_torch_{iou}"])


def test_a_picture_without_anything_above_the_threshold_gives_no_box():
    scores = [torch.full((1, 2, 64 // s, 64 // s), -20.0) for s in (8, 16, 32)]
    distances = [torch.ones(1, 4, 64 // s, 64 // s) for s in (8, 16, 32)]
    boxes, values, labels = decode(scores, distances, score=0.05, iou=0.6, before=9, keep=9, size=(64, 64))[0]
    assert boxes.shape == (0, 4) and values.shape == (0,) and labels.shape == (0,)


def test_overlapping_boxes_of_different_classes_both_stay():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10]])
    assert nms_by_class(boxes, torch.tensor([0.9, 0.8]), torch.tensor([0, 1]), 0.5).tolist() == [0, 1]
    assert nms_by_class(boxes, torch.tensor([0.8, 0.9]), torch.tensor([0, 0]), 0.5).tolist() == [1]
