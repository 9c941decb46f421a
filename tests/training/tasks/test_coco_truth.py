"""Labels of a set for the evaluation: crowds count neither way."""

import json
from pathlib import Path

from rtmcli.metrics.coco import box_figures, keypoint_figures
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import load_set
from rtmcli.training.tasks.coco_truth import coco_truth


def test_people_found_in_a_crowd_are_not_held_against_a_network(dots: Path) -> None:
    content = json.loads((dots / "labels.json").read_text())
    content["annotations"].append(
        {"id": 99, "image_id": 0, "category_id": 1, "iscrowd": 1, "bbox": [60, 60, 20, 30], "area": 600}
    )
    (dots / "labels.json").write_text(json.dumps(content))
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    found = [(number, [15, 10, 50, 75], 0.8) for number in range(8)] + [(0, [62, 62, 12, 20], 0.9)]
    results = [{"image_id": i, "category_id": 1, "bbox": box, "score": score} for i, box, score in found]
    assert box_figures(coco_truth(data), results)["AP"] > 0.999
    points = {note["image_id"]: note["keypoints"] for note in content["annotations"] if not note["iscrowd"]}
    poses = [r | {"keypoints": points[r["image_id"]]} for r in results[:-1]]
    poses.append(results[-1] | {"keypoints": [v for _ in range(17) for v in (68.0, 72.0, 1.0)]})
    assert keypoint_figures(coco_truth(data), poses, load_skeleton("coco17").sigmas)["AP"] > 0.999
