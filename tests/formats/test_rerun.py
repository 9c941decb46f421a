"""Recordings of Rerun, read with its own SDK and verified by its program."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtmcli.formats.rerun import write_rerun
from rtmcli.records.frame import Frame
from rtmcli.skeletons import load_skeleton
from tests.helpers.pose_records import clip

rr: Any = pytest.importorskip("rerun")


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a recording in the order of its timeline `frame`; `entity` is the path."""
    found = []
    for chunk in rr.chunk.RrdReader(str(path)).stream():
        for row in chunk.to_record_batch().to_pylist():
            found.append({**row, "entity": chunk.entity_path, "static": chunk.is_static})
    return sorted(found, key=lambda row: -1 if row.get("frame") is None else row["frame"])


@pytest.mark.parametrize("skeleton", ["coco17", "coco133"])
def test_people_are_logged_over_frames_and_times(skeleton: str, tmp_path: Path) -> None:
    frames = clip(skeleton, people=(1, 0, 2), source="b/walk 1.mp4")
    assert write_rerun(frames, tmp_path / "walk.rrd") == 3
    points = [row for row in rows(tmp_path / "walk.rrd") if row.get("Points2D:positions")]
    expected = [(frame, one) for frame in frames for one in frame.instances]
    points.sort(key=lambda row: (row["frame"], row["entity"]))
    for row, (frame, one) in zip(points, expected, strict=True):
        assert one.keypoints is not None and one.box is not None
        known = len(one.keypoints) - 1
        assert row["entity"] == rr.new_entity_path(["b/walk 1.mp4", "people", str(one.id)])
        assert row["frame"] == frame.frame and row["time"].total_seconds() == pytest.approx(
            frame.time, abs=1e-5
        )
        assert row["Points2D:keypoint_ids"] == list(range(known))
        np.testing.assert_array_equal(row["Points2D:positions"], one.keypoints[:known, :2])
        np.testing.assert_array_equal(row["keypoint_scores"], one.keypoints[:known, 2])
        np.testing.assert_allclose(row["Boxes2D:centers"][0], (one.box[:2] + one.box[2:]) / 2, rtol=1e-6)


def test_a_person_who_has_left_is_cleared(tmp_path: Path) -> None:
    write_rerun(clip(people=(2, 1, 1)), tmp_path / "walk.rrd")
    cleared = [row for row in rows(tmp_path / "walk.rrd") if row.get("Clear:is_recursive")]
    assert [(row["frame"], row["entity"]) for row in cleared] == [(1, "/walk.mp4/people/4")]


def test_names_and_links_are_an_annotation_context(tmp_path: Path) -> None:
    write_rerun([*clip(), Frame("a.jpg", 0, 1)], tmp_path / "walk.rrd")
    (context,) = [row for row in rows(tmp_path / "walk.rrd") if row.get("AnnotationContext:context")]
    description = context["AnnotationContext:context"][0][0]["class_description"]
    own = load_skeleton("coco17")
    assert [point["label"] for point in description["keypoint_annotations"]] == list(own.keypoints)
    links = [(link["keypoint0"], link["keypoint1"]) for link in description["keypoint_connections"]]
    assert links == list(own.links) and context["static"]


def test_reruns_program_verifies_the_file(tmp_path: Path) -> None:
    write_rerun(clip(), tmp_path / "walk.rrd")
    command = [sys.executable, "-m", "rerun", "rrd", "verify", str(tmp_path / "walk.rrd")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and "1 file verified without error" in run.stdout + run.stderr
