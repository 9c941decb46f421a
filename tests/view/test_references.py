"""Distances to another run and to labels, keypoint by keypoint."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import write_frames
from rtmcli.view.references import compare_runs, compare_with_labels
from rtmcli.view.run import write_page
from rtmcli.view.tracks import collect_clips
from tests.helpers.posed import FIGURE, frame, person
from tests.helpers.view_pages import page_data


def test_two_runs_are_paired_by_frame_and_person_whatever_their_ids() -> None:
    (own,) = collect_clips(frame(n, person(5, 5, 1), person(100, 9, 2)) for n in range(4))
    (other,) = collect_clips(
        frame(n, person(103, 13, 7), person(5, 5, 8), source="moved.mp4") for n in range(2, 4)
    )
    found = compare_runs(own, [other], "other.jsonl")
    assert found.rows.tolist() == [-1, -1, 0, 1]
    assert found.pairs == 4
    first, second = found.distances
    assert np.isnan(first[:2]).all() and first[2:].tolist() == [0, 0]
    assert second[2:].tolist() == pytest.approx([5, 5])
    assert found.keypoints[0].name == "nose" and found.keypoints[0].count == 4
    assert found.keypoints[0].mean == pytest.approx(2.5)


def test_a_run_of_other_sources_is_an_error() -> None:
    (own,) = collect_clips([frame(0, person(5, 5))])
    others = collect_clips([frame(0, source="a"), frame(0, source="b")])
    with pytest.raises(DataError, match=r"has no records of clip\.mp4"):
        compare_runs(own, others, "other.jsonl")


def labels(x: float, hidden: int) -> dict[str, Any]:
    """One image with a person at x, 5, one keypoint of whom is not labelled."""
    points = np.concatenate([FIGURE + (x, 5), np.full((17, 1), 2.0)], axis=1)
    points[hidden] = 0
    person = {"id": 1, "image_id": 9, "category_id": 1, "bbox": [x, 5, 40, 100], "keypoints": points.ravel().tolist(),
              "num_keypoints": 16, "area": 2120, "iscrowd": 0}  # fmt: skip
    return {"images": [{"id": 9, "file_name": "a.jpg"}], "annotations": [person], "categories": []}


def test_labels_give_an_error_for_each_labelled_keypoint() -> None:
    one = Frame("in/a.jpg", 0, 1, None, 192, 128, "coco17", "toy", [person(8, 9, None), person(120, 5, None)])
    (clip,) = collect_clips([one])
    found = compare_with_labels(clip, labels(5, hidden=3), "labels.json")
    assert found.is_truth and found.pairs == 1 and found.rows.tolist() == [0]
    assert found.distances[0].tolist() == pytest.approx([5]) and found.distances[1] is None
    assert [one.count for one in found.keypoints[2:5]] == [1, 0, 1]
    assert found.keypoints[4].median == pytest.approx(5) and found.keypoints[3].median is None


def test_a_run_on_other_frames_is_an_error() -> None:
    (clip,) = collect_clips([frame(0, person(5, 5))])
    others = collect_clips([frame(7, person(5, 5), source="other.mp4")])
    with pytest.raises(DataError, match=r"other.jsonl has none of the frames of clip.mp4"):
        compare_runs(clip, others, "other.jsonl")


def test_labels_of_other_images_are_an_error() -> None:
    (clip,) = collect_clips([Frame("b.jpg", 0, 1, None, 192, 128, "coco17", "toy", [])])
    with pytest.raises(DataError, match=r"labels.json has no image of images"):
        compare_with_labels(clip, labels(5, hidden=0), "labels.json")


def test_labels_of_another_skeleton_are_an_error() -> None:
    one = person(8, 9, None)
    one.keypoints = np.zeros((26, 3), np.float32)
    (clip,) = collect_clips([Frame("in/a.jpg", 0, 1, None, 192, 128, "halpe26", "toy", [one])])
    with pytest.raises(DataError, match="17 keypoints for each person, the records of images have 26"):
        compare_with_labels(clip, labels(5, hidden=0), "labels.json")


def test_a_source_without_reference_is_a_note_where_others_have_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [frame(0, person(5, 5), source="a"), frame(0, person(5, 5), source="b")]
    write_frames([own[0], frame(0, source="c")], tmp_path / "other.jsonl")
    write_page(own, tmp_path / "page.html", compare=str(tmp_path / "other.jsonl"))
    assert [len(c["references"]) for c in page_data(tmp_path / "page.html")["clips"]] == [1, 0]
    assert "other.jsonl has no records of b" in capsys.readouterr().err


def test_the_page_has_the_errors(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(json.dumps(labels(5, hidden=3)))
    one = Frame("in/a.jpg", 0, 1, None, 192, 128, "coco17", "toy", [person(8, 9, None)])
    write_page([one], tmp_path / "page.html", labels=str(tmp_path / "labels.json"))
    (reference,) = page_data(tmp_path / "page.html")["clips"][0]["references"]
    assert reference["title"] == "labels.json" and reference["keypoints"][0]["mean"] == pytest.approx(5)
