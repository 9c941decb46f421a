"""Every public class and function has an example in its docstring, and the example runs."""

import inspect
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rtmcli
from rtmcli import Detector, Frame, Instance, TopDown, items_of, open_media, run_pipeline, write_frames
from rtmcli.opencv import cv2
from tests.helpers.examples import code_blocks
from tools.write_docs import example_code

REPOSITORY = Path(__file__).parent.parent

# Compiled and not run: the first two need weights that are not in the package, an export takes half a minute.
NOT_RUN = {"OneStage", "fetch_model", "export_model", "Exported"}
# Names that need an extra: the package it installs.
EXTRAS = {
    "write_rerun": "rerun",
    "to_dataframe": "pandas",
    "to_supervision": "supervision",
    **dict.fromkeys(("read_c3d", "write_c3d"), "ezc3d"),
    **dict.fromkeys(("read_parquet", "write_parquet"), "pyarrow"),
    **dict.fromkeys(("read_sleap", "write_sleap", "read_nwb", "write_nwb"), "sleap_io"),
}
NAMES = [name for name in rtmcli.__all__ if name != "__version__"]


def example_of(name: str) -> str:
    """The code under `Example:` in the docstring of a public name; empty where there is none."""
    doc = inspect.getdoc(getattr(rtmcli, name)) or ""
    found = re.search(r"^Examples?:\n((?: .*\n|\n)+)", doc + "\n", re.MULTILINE)
    return example_code(found[1]) if found else ""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copy(Path(rtmcli.__file__).parent / "media/demo.mp4", folder / "walk.mp4")
    detector, pose = Detector(), TopDown()
    with open_media("demo", max_frames=2) as media:
        items = list(run_pipeline(items_of([media], pose.card), find=detector, pose=pose))
    frames = [replace(item.frame, source="walk.mp4") for item in items]
    write_frames(frames, folder / "walk.jsonl")
    tracker = rtmcli.Tracker("oks")
    write_frames(map(tracker, rtmcli.read_frames(folder / "walk.jsonl")), folder / "tracked.jsonl")
    write_frames([replace(frames[0], source="a.jpg", frames=1, time=None)], folder / "found.jsonl")
    (folder / "labels.json").write_text(json.dumps(labels_of(frames[0])))
    (folder / "images").mkdir()
    cv2.imwrite(str(folder / "images/a.jpg"), items[0].image)
    body = np.random.default_rng(0).uniform(0.5, 100, (133, 3)).astype(np.float32)
    people = [Instance(id=1, label="person", box=np.float32([0, 0, 99, 99]), score=0.9, keypoints=body)]
    whole = Frame("walk.mp4", 0, width=640, height=480, skeleton="coco133", instances=people)
    write_frames([whole], folder / "whole.jsonl")
    hands = rtmcli.part_boxes(whole, ["lefthand", "righthand"], keep="hand21")
    write_frames([hands], folder / "hands.jsonl")
    to_openpose = rtmcli.map_frame("openpose25")
    rtmcli.write_openpose(map(to_openpose, rtmcli.read_frames(folder / "walk.jsonl")), folder / "openpose")
    return folder


def labels_of(frame: Frame) -> dict[str, Any]:
    """COCO labels of an image a.jpg that say the same as the frame."""
    people = []
    for number, person in enumerate(frame.instances):
        assert person.keypoints is not None and person.box is not None
        x1, y1, x2, y2 = person.box.tolist()
        points = np.column_stack([person.keypoints[:, :2], np.full(17, 2)])
        box = [x1, y1, x2 - x1, y2 - y1]
        people.append(
            {
                "id": number,
                "image_id": 1,
                "category_id": 1,
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
            }
            | {"num_keypoints": 17, "keypoints": points.ravel().tolist()}
        )
    image = {"id": 1, "file_name": "a.jpg", "width": frame.width, "height": frame.height}
    return {"images": [image], "annotations": people, "categories": [{"id": 1, "name": "person"}]}


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_an_example_that_runs(
    name: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = compile(example_of(name), f"<example of {name}>", "exec")
    assert example_of(name), f"rtmcli.{name} needs an `Example:` in its docstring"
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    if name not in NOT_RUN:
        prepare(files, tmp_path, monkeypatch)
        exec(code, {"__name__": "__main__"})


def test_the_python_example_of_the_readme_runs(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = code_blocks((REPOSITORY / "README.md").read_text(), {"python"})
    prepare(files, tmp_path, monkeypatch)
    exec(code, {"__name__": "__main__"})


def prepare(files: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own that has the files."""
    shutil.copytree(files, folder, dirs_exist_ok=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RTM_HOME", str(folder / "home"))
