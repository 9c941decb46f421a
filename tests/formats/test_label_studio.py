"""Tasks of Label Studio, checked by hand and by its own SDK."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.errors import DataError
from rtmcli.formats.label_studio import write_label_studio
from rtmcli.records.frame import Frame
from tests.helpers.pose_records import clip


def tasks_of(frames: list[Frame]) -> list[dict[str, Any]]:
    out = io.BytesIO()
    write_label_studio(frames, out)
    found: list[dict[str, Any]] = json.loads(out.getvalue())
    return found


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), people=st.integers(0, 3))
def test_percents_give_the_pixels_back(seed: int, people: int) -> None:
    frames = clip("halpe26", seed=seed, people=(people,))
    (task,) = tasks_of(frames)
    regions = task["predictions"][0]["result"]
    assert len({region["id"] for region in regions}) == len(regions) == people * (1 + 25)
    for number, one in enumerate(frames[0].instances):
        assert one.keypoints is not None and one.box is not None
        box = next(region for region in regions if region["id"] == f"person{number}")
        value = box["value"]
        corners = [value["x"], value["y"], value["x"] + value["width"], value["y"] + value["height"]]
        np.testing.assert_allclose(np.array(corners) * [6.4, 4.8, 6.4, 4.8], one.box, rtol=1e-6)
        assert (box["score"], box["meta"]["text"]) == (0.5, [f"id {one.id}"])
        points = [region for region in regions if region.get("parentID") == f"person{number}"]
        places = [[point["value"]["x"] * 6.4, point["value"]["y"] * 4.8, point["score"]] for point in points]
        np.testing.assert_allclose(places, one.keypoints[:25], rtol=1e-6)


def test_a_task_is_an_image_and_says_where_it_comes_from(tmp_path: Path) -> None:
    image = Frame("cats/a.jpg", 0, 1, width=640, height=480, skeleton="coco17", instances=clip()[0].instances)
    said: list[str] = []
    assert write_label_studio([*clip(), image], str(tmp_path / "tasks.json"), note=said.append) == 4
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    names = [task["data"]["image"] for task in tasks]
    assert names == ["walk_000000.jpg", "walk_000001.jpg", "walk_000002.jpg", "cats/a.jpg"]
    assert tasks[2]["meta"] == {"source": "walk.mp4", "frame": 2, "time": 2 / 30}
    config = (tmp_path / "tasks.label_config.xml").read_text()
    assert '<Label value="person"/>' in config and '<Label value="left_wrist"/>' in config
    assert str(tmp_path / "tasks.label_config.xml") in said[0]


def test_a_folder_gets_tasks_and_configuration(tmp_path: Path) -> None:
    write_label_studio(clip(), str(tmp_path / "project"))
    names = sorted(path.name for path in (tmp_path / "project").iterdir())
    assert names == ["label_config.xml", "tasks.json"]
    assert json.loads((tmp_path / "project/tasks.json").read_text()) == tasks_of(clip())


def test_what_gives_no_percents_is_named() -> None:
    frames = clip()
    frames[0].width = None
    with pytest.raises(DataError, match="has no width and height"):
        tasks_of(frames)
    frames = clip()
    frames[0].skeleton = None
    with pytest.raises(DataError, match="--source-skeleton"):
        tasks_of(frames)


def test_label_studios_sdk_validates_tasks_and_configuration(tmp_path: Path) -> None:
    interface = pytest.importorskip("label_studio_sdk.label_interface")
    write_label_studio(clip("coco133"), str(tmp_path / "tasks.json"))
    config = interface.LabelInterface((tmp_path / "tasks.label_config.xml").read_text())
    config.validate()
    for task in json.loads((tmp_path / "tasks.json").read_text()):
        assert config.validate_prediction(task["predictions"][0], return_errors=True) == []
