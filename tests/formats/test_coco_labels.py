"""Records as a COCO data set, and the tools that import it."""

import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.formats.coco_labels_writer import write_coco_labels
from rtmcli.formats.coco_reader import read_coco_records
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import encode_frame
from rtmcli.skeletons import load_skeleton
from tests.helpers.given import box_of
from tests.helpers.pose_records import clip


def labels_of(frames: list[Frame]) -> dict[str, Any]:
    out = io.BytesIO()
    write_coco_labels(frames, out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """A folder with `labels.json` of a clip and its images."""
    frames = clip()
    write_coco_labels(frames, str(tmp_path / "labels.json"))
    for frame in frames:
        cv2.imwrite(str(tmp_path / f"walk_{frame.frame:06d}.jpg"), np.zeros((480, 640, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize("skeleton", ["coco17", "halpe26", "coco133", "ap10k17"])
def test_a_video_comes_back_with_times_ids_and_scores(skeleton: str, tmp_path: Path) -> None:
    frames = clip(skeleton)
    write_coco_labels(frames, str(tmp_path / "labels.json"))
    again = list(read_coco_records(tmp_path / "labels.json"))
    assert frames[1].instances == [] and again[1].skeleton is None
    for frame in again:
        frame.model = "m"
    again[1].skeleton = skeleton
    for one, other in zip(frames, again, strict=True):
        for before, after in zip(one.instances, other.instances, strict=True):
            # left + width need not be exactly the right edge in float32.
            np.testing.assert_allclose(box_of(after), box_of(before), rtol=1e-6)
            after.box = before.box
        assert encode_frame(one) == encode_frame(other)


def test_annotations_say_what_coco_says() -> None:
    data = labels_of(clip())
    assert [(image["id"], image["file_name"], image["width"]) for image in data["images"]] == [
        (1, "walk_000000.jpg", 640), (2, "walk_000001.jpg", 640), (3, "walk_000002.jpg", 640),
    ]  # fmt: skip
    assert [(a["id"], a["image_id"], a["track_id"]) for a in data["annotations"]] == [
        (1, 1, 3),
        (2, 3, 3),
        (3, 3, 4),
    ]
    first = data["annotations"][0]
    assert first["keypoints"][2::3] == [2] * 16 + [0] and first["num_keypoints"] == 16
    assert first["keypoints"][-3:] == [0, 0, 0] and first["keypoint_scores"][-1] == 0
    assert first["area"] == pytest.approx(first["bbox"][2] * first["bbox"][3]) and first["iscrowd"] == 0
    (category,) = data["categories"]
    own = load_skeleton("coco17")
    assert (category["name"], category["keypoints"]) == ("person", list(own.keypoints))
    assert category["skeleton"] == [[a + 1, b + 1] for a, b in own.links]


def test_images_and_videos_of_any_name_have_numbers_of_their_own() -> None:
    picture = Frame("cat.jpg", 0, 1, width=64, height=48, skeleton="coco17", instances=clip()[0].instances)
    data = labels_of([picture, *clip(source="a/walk.mp4"), *clip(source="b/walk.mp4")])
    assert [image["id"] for image in data["images"]] == list(range(1, 8))
    names = [image["file_name"] for image in data["images"]]
    assert names[:2] == ["cat.jpg", "a/walk_000000.jpg"] and names[4] == "b/walk_000000.jpg"
    assert [video["name"] for video in data["videos"]] == ["a/walk.mp4", "b/walk.mp4"]
    with pytest.raises(DataError, match=r"both the image cat\.jpg"):
        labels_of([picture, picture])


def test_a_note_says_how_to_write_the_frames_of_a_video() -> None:
    said: list[str] = []
    write_coco_labels(clip(source="my walk.mp4"), io.BytesIO(), note=said.append)
    (note,) = said
    assert (
        note.endswith("ffmpeg -i 'my walk.mp4' -fps_mode passthrough -start_number 0 'my walk_%06d.jpg'")
        and "my walk_000000.jpg" in note
    )
    write_coco_labels([Frame("a.jpg", 0, 1)], io.BytesIO(), note=said.append)
    assert said[1] == "some records have no width and height, which CVAT and Label Studio need"


def test_each_class_and_skeleton_is_a_category(tmp_path: Path) -> None:
    body, hand, dog = clip()[0], clip("hand21", source="hands.mp4")[0], clip("ap10k17", source="dogs.mp4")[0]
    dog.instances[0].label = "dog"
    data = labels_of([body, hand, dog])
    names = {c["name"]: len(c["keypoints"]) for c in data["categories"]}
    assert names == {"person (coco17)": 17, "person (hand21)": 21, "dog": 17}
    (tmp_path / "labels.json").write_text(json.dumps(data))
    again = [(f.skeleton, f.instances[0].label) for f in read_coco_records(tmp_path / "labels.json")]
    assert again == [("coco17", "person"), ("hand21", "person"), ("ap10k17", "dog")]


def test_boxes_alone_and_keypoints_alone_are_annotations() -> None:
    box = Instance(box=np.array([1, 2, 5, 8], np.float32), score=0.25, label="person")
    points = Instance(keypoints=np.array([[3, 4, 0.5]] * 16 + [[13, 24, 0.5]], np.float32))
    data = labels_of(
        [Frame("a.jpg", 0, 1, instances=[box]), Frame("b.jpg", 0, 1, skeleton="coco17", instances=[points])]
    )
    first, second = data["annotations"]
    assert "keypoints" not in first and first["bbox"] == [1, 2, 4, 6] and first["score"] == 0.25
    assert second["bbox"] == [3, 4, 10, 20] and second["area"] == 200
    with pytest.raises(DataError, match="--source-skeleton"):
        labels_of([Frame("b.jpg", 0, 1, instances=[points])])


def test_ids_come_from_cvats_attributes_too(tmp_path: Path) -> None:
    data = labels_of(clip())
    for annotation in data["annotations"]:
        del annotation["track_id"]
    (tmp_path / "labels.json").write_text(json.dumps(data))
    again = list(read_coco_records(tmp_path / "labels.json"))
    assert [one.id for frame in again for one in frame.instances] == [3, 3, 4]


def test_scores_of_keypoints_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    data = labels_of(clip())
    data["annotations"][0]["keypoint_scores"][3] = "high"
    (tmp_path / "labels.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match="'keypoint_scores' must be a list of numbers"):
        list(read_coco_records(tmp_path / "labels.json"))


def test_frames_of_cocovid_files_name_their_images(tmp_path: Path) -> None:
    data = labels_of(clip())
    for number, image in enumerate(data["images"]):
        image["file_name"] = f"seq/{number}.png"
    (tmp_path / "labels.json").write_text(json.dumps(data))
    again = list(read_coco_records(tmp_path / "labels.json"))
    assert [(f.source, f.frame, f.extra["file"]) for f in again] == [
        ("walk.mp4", n, f"seq/{n}.png") for n in range(3)
    ]


def test_pycocotools_finds_the_annotations_and_scores_them_perfect(data_set: Path) -> None:
    coco_tools = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    truth = coco_tools.COCO(str(data_set / "labels.json"))
    assert truth.getImgIds() == [1, 2, 3] and truth.getAnnIds(imgIds=[3]) == [2, 3]
    assert truth.loadCats([1])[0]["keypoints"] == list(load_skeleton("coco17").keypoints)
    keys = ("image_id", "category_id", "keypoints", "score")
    results = truth.loadRes([{key: one[key] for key in keys} for one in truth.dataset["annotations"]])
    scored = evaluation.COCOeval(truth, results, "keypoints")
    scored.evaluate()
    scored.accumulate()
    scored.summarize()
    assert scored.stats[0] == pytest.approx(1)


def test_sleap_io_loads_it(data_set: Path) -> None:
    sleap = pytest.importorskip("sleap_io")
    labels = sleap.load_coco(str(data_set / "labels.json"), dataset_root=str(data_set))
    skeleton = load_skeleton("coco17")
    assert labels.skeletons[0].node_names == list(skeleton.keypoints)
    assert len(labels.skeletons[0].edges) == len(skeleton.links)
    people = [one for frame in labels for one in frame.instances]
    expected = [one for frame in clip() for one in frame.instances]
    assert [one.track.name for one in people] == [f"track_{one.id}" for one in expected]
    for one, other in zip(people, expected, strict=True):
        assert other.keypoints is not None
        np.testing.assert_allclose(one.numpy(), other.keypoints[:, :2], rtol=1e-6)


def test_datumaro_imports_it_as_cvat_does(data_set: Path) -> None:
    datumaro = pytest.importorskip("datumaro")
    for name in ("annotations", "images/default"):
        (data_set / name).mkdir(parents=True)
    (data_set / "labels.json").rename(data_set / "annotations/person_keypoints_default.json")
    for image in data_set.glob("*.jpg"):
        image.rename(data_set / "images/default" / image.name)
    imported = datumaro.Dataset.import_from(str(data_set), "coco_person_keypoints")
    items = sorted(imported, key=lambda item: item.id)
    assert [item.id for item in items] == [f"walk_{n:06d}" for n in range(3)]
    kind = datumaro.AnnotationType.points
    found = [
        one
        for item in items
        for one in sorted(item.annotations, key=lambda one: one.attributes["track_id"])
        if one.type == kind
    ]
    expected = [one for frame in clip() for one in frame.instances]
    assert [one.attributes["track_id"] for one in found] == [one.id for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert other.keypoints is not None
        places = np.nan_to_num(other.keypoints[:, :2]).ravel()
        np.testing.assert_allclose(one.points, places, atol=0.01)  # datumaro rounds to 1/100
        assert [v.value for v in one.visibility] == [2] * 16 + [0]


def test_label_studios_converter_makes_tasks_of_it(data_set: Path) -> None:
    converter = pytest.importorskip("label_studio_sdk.converter.imports.coco")
    converter.convert_coco_to_ls(
        str(data_set / "labels.json"), str(data_set / "tasks.json"), image_root_url="/images/"
    )
    tasks = json.loads((data_set / "tasks.json").read_text())
    assert [Path(task["data"]["image"]).name for task in tasks] == [f"walk_{n:06d}.jpg" for n in range(3)]
    for task, frame in zip(tasks, clip(), strict=True):
        items = task["annotations"][0]["result"]
        boxes = [item["value"] for item in items if item["type"] == "rectanglelabels"]
        points = [item["value"] for item in items if item["type"] == "keypointlabels"]
        assert len(boxes) == len(frame.instances) and len(points) == 17 * len(frame.instances)
        for number, one in enumerate(frame.instances):
            assert one.keypoints is not None and one.box is not None
            assert boxes[number]["x"] * 6.4 == pytest.approx(float(one.box[0]))
            x = [point["x"] * 6.4 for point in points[17 * number : 17 * number + 16]]
            np.testing.assert_allclose(x, one.keypoints[:16, 0], rtol=1e-5)
