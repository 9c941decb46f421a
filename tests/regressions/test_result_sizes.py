"""APM and APL of results with `bbox` differed from pycocotools, which sizes them by the box."""

import json

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import write_frames
from tests.helpers.coco_evaluation import DATA, evaluate, pycocotools_figures


def test_results_with_a_box_are_sized_by_it_as_pycocotools_does(tmp_path, capsys):
    labels, results = DATA / "size_labels.json", DATA / "size_results_with_bbox.json"
    assert main(["eval", str(labels), str(results)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["APM"], figures["APL"]) == (pytest.approx(1.0), pytest.approx(0.5))
    truth, given = json.loads(labels.read_text()), json.loads(results.read_text())
    assert list(figures.values()) == pytest.approx(pycocotools_figures(truth, given), abs=1e-9)
    without = [{key: entry[key] for key in entry if key != "bbox"} for entry in given]
    _, figures, _ = evaluate(tmp_path, capsys, truth, without)
    assert figures == pytest.approx(pycocotools_figures(truth, without), abs=1e-9)
    # pycocotools looks at the first entry alone and then fails on the second.
    code, _, err = evaluate(tmp_path, capsys, truth, [given[0], *without[1:]])
    assert code == 3
    assert "entry 0 has a bbox and entry 1 has none" in err


def test_records_are_sized_by_their_keypoints(tmp_path, capsys):
    """The same poses as records, which always have boxes: as results without a bbox."""
    truth, given = (
        json.loads((DATA / name).read_text()) for name in ("size_labels.json", "size_results_with_bbox.json")
    )
    people = []
    for entry in given:
        x, y, width, height = entry["bbox"]
        people.append(
            Instance(
                box=np.array([x, y, x + width, y + height], np.float32),
                keypoints=np.array(entry["keypoints"], np.float32).reshape(-1, 3),
                score=entry["score"],
                label="person",
            )
        )
    write_frames([Frame(source="1.jpg", frame=0, frames=1, instances=people)], tmp_path / "records.jsonl")
    (tmp_path / "labels.json").write_text(json.dumps(truth))
    options = ["--rank", "box", "--oks-nms", "none"]
    assert main(["eval", str(tmp_path / "labels.json"), str(tmp_path / "records.jsonl"), *options]) == 0
    figures = list(json.loads(capsys.readouterr().out).values())
    without = [{key: entry[key] for key in entry if key != "bbox"} for entry in given]
    assert figures == pytest.approx(pycocotools_figures(truth, without), abs=1e-6)
