"""Random evaluations, full of ties, crowds and empty pictures, give pycocotools' numbers to the last digits."""

import contextlib
import copy
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from rtmcli.metrics import coco
from rtmcli.skeletons import load_skeleton

SIGMAS = load_skeleton("coco17").sigmas


def made_up(seed):
    """Labels and results on a coarse grid with few scores, so that much is equal to much."""
    rng = np.random.default_rng(seed)
    truth = {"info": {}, "images": [], "annotations": [], "categories": [{"id": 1}, {"id": 3}]}
    results = []
    for image in range(1, 13):
        truth["images"].append({"id": image, "width": 400, "height": 400})
        for _ in range(rng.integers(0, 5)):
            box = [*rng.integers(0, 20, 2) * 10, *rng.integers(2, 18, 2) * 10]
            points = np.column_stack([rng.integers(0, 40, (17, 2)) * 10, rng.integers(0, 3, 17)])
            points[points[:, 2] == 0] = 0
            if rng.random() < 0.15:
                points[:] = 0
            label = {
                "id": len(truth["annotations"]) + 1,
                "image_id": image,
                "category_id": int(rng.choice([1, 3])),
                "bbox": [float(v) for v in box],
                "area": float(box[2] * box[3] * rng.choice([0.3, 0.53, 1.0])),
                "iscrowd": int(rng.random() < 0.15),
                "keypoints": points.ravel().tolist(),
                "num_keypoints": int((points[:, 2] > 0).sum()),
            }
            truth["annotations"].append(label)
            for _ in range(rng.integers(0, 4)):
                moved = points[:, :2] + rng.integers(-2, 3, (17, 2)) * rng.choice([0, 2, 10])
                shift = rng.integers(-1, 2, 4) * rng.choice([0, 5, 20])
                results.append(
                    {
                        "image_id": image,
                        "category_id": label["category_id"],
                        "score": float(rng.integers(1, 6) / 5),
                        "keypoints": np.column_stack([moved, np.ones(17)]).ravel().tolist(),
                        "bbox": [float(v) for v in np.maximum(np.array(box) + shift, 1)],
                    }
                )
        for _ in range(rng.integers(0, 25) if rng.random() < 0.2 else 0):  # more than COCO counts
            results.append({**results[-1], "image_id": image} if results else {})
    return truth, [result for result in results if result]


def pycocotools_figures(truth, results, kind):
    with contextlib.redirect_stdout(io.StringIO()):
        labels = COCO()
        labels.dataset = copy.deepcopy(truth)
        labels.createIndex()
        evaluation = COCOeval(labels, labels.loadRes(results), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize("seed", range(12))
def test_key_points_and_boxes_agree(seed):
    truth, results = made_up(seed)
    poses = [{k: v for k, v in r.items() if k != "bbox"} for r in results]
    found = coco.keypoint_figures(truth, poses, SIGMAS)
    np.testing.assert_allclose(
        list(found.values()), pycocotools_figures(truth, poses, "keypoints"), atol=1e-12
    )
    boxes = [{k: v for k, v in r.items() if k != "keypoints"} for r in results]
    found = coco.box_figures(truth, boxes)
    np.testing.assert_allclose(list(found.values()), pycocotools_figures(truth, boxes, "bbox"), atol=1e-12)
