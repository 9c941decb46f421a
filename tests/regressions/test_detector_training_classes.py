"""A detector is trained on labels of several classes: those of people, or the classes that are asked for."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rtmcli.errors import DataError, UsageError  # noqa: E402  (torch may be missing)
from rtmcli.training.checkpoints import load_state  # noqa: E402
from rtmcli.training.data.recipe_sets import load_sets  # noqa: E402
from rtmcli.training.loader import step_batches  # noqa: E402
from rtmcli.training.model import make_card, make_network  # noqa: E402
from rtmcli.training.recipe_file import load_recipe, override_recipe, with_values  # noqa: E402
from rtmcli.training.tasks.coco_truth import coco_truth  # noqa: E402
from rtmcli.training.tasks.make import make_task  # noqa: E402


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "street.jpg"), np.full((120, 160, 3), 90, np.uint8))
    boxes = {7: [20, 20, 40, 80], 3: [80, 20, 40, 40], 9: [100, 90, 30, 20]}  # car, person, dog
    content = {
        "images": [{"id": 1, "file_name": "street.jpg", "width": 160, "height": 120}],
        "categories": [{"id": 7, "name": "car"}, {"id": 3, "name": "person"}, {"id": 9, "name": "dog"}],
        "annotations": [
            {"id": key, "image_id": 1, "category_id": key, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for key, box in boxes.items()
        ]
        + [{"id": 50, "image_id": 1, "category_id": 7, "bbox": [0, 0, 9, 9], "area": 81, "iscrowd": 1}],
    }
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(content))
    return path


def recipe(*changes: str):
    small = ["width=64", "height=64", "batch=1", "epochs=1", "second=0"]
    return override_recipe(load_recipe("rtmdet-nano"), [*small, *changes])


def test_people_are_the_default_and_other_classes_are_left_out(labels: Path) -> None:
    (data,) = load_sets(recipe(), [labels], [], [], [])
    assert data.classes == ("person",)
    assert data.images[0].labels.boxes.tolist() == [[80, 20, 120, 60]]
    assert data.images[0].labels.classes.tolist() == [0] and len(data.images[0].labels.crowds) == 0


def test_labels_without_people_give_all_their_classes(labels: Path) -> None:
    content = json.loads(labels.read_text())
    content["categories"] = [c for c in content["categories"] if c["name"] != "person"]
    content["annotations"] = [a for a in content["annotations"] if a["category_id"] != 3]
    labels.write_text(json.dumps(content))
    (data,) = load_sets(recipe(), [labels], [], [], [])
    assert data.classes == ("car", "dog") and data.images[0].labels.classes.tolist() == [0, 1]


def test_chosen_classes_are_trained_validated_and_written_to_the_card(labels: Path) -> None:
    chosen = recipe("classes=dog, car")
    (data,) = load_sets(chosen, [labels], [], [], [])
    assert data.images[0].labels.classes.tolist() == [1, 0]
    truth = coco_truth(data)
    assert [note["category_id"] for note in truth["annotations"]] == [2, 1, 2]
    assert [category["id"] for category in truth["categories"]] == [1, 2]
    chosen = with_values(chosen, classes=",".join(data.classes))
    assert make_card(chosen).classes == ("dog", "car")
    task, network = make_task(chosen, [data]), make_network(chosen)
    (batch,) = next(step_batches(task, 0, range(1), device=torch.device("cpu")))
    loss, terms = task.loss(network, batch, 0, 0, lambda count: count)
    assert torch.isfinite(loss) and terms["bbox"] > 0


def test_a_class_that_some_labels_lack_is_an_error(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no class 'persn', only car, person, dog"):
        load_sets(recipe("classes=persn"), [labels], [], [], [])
    content = json.loads(labels.read_text())
    content["categories"] = [{"id": 3, "name": "person"}]
    content["annotations"] = [a for a in content["annotations"] if a["category_id"] == 3]
    (tmp_path / "people.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"people\.json has no class 'car'"):
        load_sets(recipe("classes=car,person"), [labels, tmp_path / "people.json"], [], [], [])


def test_records_are_labels_of_the_classes_that_their_instances_name(labels: Path, tmp_path: Path) -> None:
    instances = [
        {"label": label, "box": box, "score": 0.9, "keypoints": [[5, 5, 0.9]] * 17}
        for label, box in (("dog", [1, 1, 9, 9]), ("person", [2, 2, 30, 30]))
    ]
    path = tmp_path / "found.jsonl"
    path.write_text(
        json.dumps({"source": "street.jpg", "frame": 0, "skeleton": "coco17", "instances": instances})
    )
    (people,) = load_sets(recipe(), [path], [tmp_path], [], [])
    assert people.images[0].labels.boxes.tolist() == [[2, 2, 30, 30]]
    (both,) = load_sets(recipe("classes=person,dog"), [path], [tmp_path], [], [])
    assert both.images[0].labels.classes.tolist() == [1, 0]


def test_a_damaged_checkpoint_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    for content in (b"", b"PK\x03\x04" + bytes(500)):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"last\.pt cannot be read .* remove it to begin"):
            load_state(path, torch.device("cpu"))
