"""Small label files, results made from them, and their evaluation by rtm and by pycocotools."""

import contextlib
import copy
import io
import json
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from rtmcli.cli.app import main

DATA = Path(__file__).parents[1] / "regressions" / "data"


def plain():
    """Three images with one person of 17 keypoints each."""
    return json.loads((DATA / "labels_plain.json").read_text())


def results_of(truth, *, shift=2.0):
    """A result for each label, somewhat off."""
    results = []
    for number, annotation in enumerate(truth["annotations"]):
        points = np.array(annotation["keypoints"], float).reshape(-1, 3)
        points[:, :2] += shift * (number + 1)
        results.append(
            {
                "image_id": annotation["image_id"],
                "category_id": annotation.get("category_id", 1),
                "keypoints": points.ravel().tolist(),
                "score": 0.9 - 0.1 * number,
            }
        )
    return results


def evaluate(tmp_path, capsys, truth, results, *options):
    """Exit code, figures in order and standard error of `rtm eval`."""
    (tmp_path / "labels.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text(json.dumps(results))
    code = main(["eval", str(tmp_path / "labels.json"), str(tmp_path / "results.json"), *options])
    out, err = capsys.readouterr()
    return code, list(json.loads(out).values()) if code == 0 else None, err


def pycocotools_figures(truth, results, kind="keypoints", categories=None):
    """The figures of pycocotools."""
    with contextlib.redirect_stdout(io.StringIO()):
        labels = COCO()
        labels.dataset = copy.deepcopy(truth)
        labels.createIndex()
        evaluation = COCOeval(labels, labels.loadRes(copy.deepcopy(results)), kind)
        if categories is not None:
            evaluation.params.catIds = categories
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return list(evaluation.stats)
