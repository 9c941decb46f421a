"""COCO's figures against numbers of pycocotools, xtcocotools and mmpose."""

import json

import numpy as np
import pytest

from rtmcli.metrics import coco
from rtmcli.metrics.collect_results import rank_and_suppress


def load(goldens, name):
    return json.loads((goldens / f"eval_{name}.json").read_text())


def same(found, expected):
    """Equal to 1e-6; the goldens write AP_M or 'AP (M)' for APM."""
    plain = {
        k.replace("_", "").replace(" ", "").replace("(", "").replace(")", "").replace(".", ""): v
        for k, v in expected.items()
    }
    plain = {{"AP5": "AP50", "AR5": "AR50"}.get(k, k): v for k, v in plain.items()}
    assert found.keys() == plain.keys()
    assert found == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("name", ["coco17_a", "coco17_b", "halpe26", "ap10k"])
def test_the_ten_figures_equal_the_tools(goldens, name):
    golden = load(goldens, name)
    same(coco.keypoint_figures(golden["gt"], golden["results"], golden["sigmas"]), golden["expected"])
    if "expected_use_area_false" in golden:
        found = coco.keypoint_figures(golden["gt"], golden["results"], golden["sigmas"], use_area=False)
        same(found, golden["expected_use_area_false"])


def test_the_twelve_box_figures_equal_the_tools(goldens):
    golden = load(goldens, "bbox")
    same(coco.box_figures(golden["gt"], golden["results"]), golden["expected"])


def test_the_figures_of_each_part_of_a_whole_body_equal_the_tools(goldens):
    golden = load(goldens, "wholebody")
    found = coco.wholebody_figures(golden["gt"], golden["results"], golden["sigmas"])
    assert len(found) == len(golden["expected"])
    for part, figures in found.items():
        same(figures, golden["expected"][f"keypoints_{part}"])


def test_the_nine_crowdpose_figures_equal_the_tools(goldens):
    golden = load(goldens, "crowdpose")
    same(coco.crowdpose_figures(golden["gt"], golden["results"], golden["sigmas"]), golden["expected"])


@pytest.mark.parametrize("setting", ["default", "bbox_none"])
def test_ranking_and_suppression_give_what_mmpose_evaluates(goldens, setting):
    golden = load(goldens, "coco17_raw")
    expected = golden["expected"][setting]
    arguments = expected["arguments"]
    poses = [
        {
            "id": r["id"],
            "image_id": r["img_id"],
            "category_id": r["category_id"],
            "keypoints": np.column_stack([r["keypoints"], r["keypoint_scores"]]).ravel(),
            "score": r["bbox_score"],
            "size": r["box_scale"][0] * r["box_scale"][1],
        }
        for r in golden["raw"]
    ]
    mode = arguments.get("nms_mode", "oks_nms")
    kept = rank_and_suppress(
        poses,
        golden["sigmas"],
        rank=arguments.get("score_mode", "bbox_keypoint").replace("bbox", "box").replace("_", "-"),
        oks=None if mode == "none" else arguments.get("nms_thr", 0.9),
    )
    assert [k["image_id"] for k in kept] == [r["image_id"] for r in expected["results"]]
    np.testing.assert_allclose(
        [k["score"] for k in kept], [r["score"] for r in expected["results"]], atol=1e-6
    )
    np.testing.assert_allclose(
        [k["keypoints"][:2] for k in kept], [r["first_point"] for r in expected["results"]], atol=1e-6
    )
    same(coco.keypoint_figures(golden["gt"], kept, golden["sigmas"]), expected["figures"])
