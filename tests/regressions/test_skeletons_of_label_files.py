"""Label files of PoseTrack and AP-10K were read as COCO's 17 keypoints; a file in another order lost its sides."""

import json

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError
from rtmcli.formats.coco_reader import read_coco_records
from rtmcli.formats.labels import read_labels
from rtmcli.formats.skeleton_names import recognise
from rtmcli.skeletons import load_skeleton
from tests.helpers.coco_evaluation import DATA, evaluate, plain, results_of

COCO = load_skeleton("coco17").keypoints


def labels_with(names, count=None):
    """One person whose i-th keypoint stands at (i, 10 i)."""
    points = [v for i in range(count or len(names)) for v in (i + 1.0, 10 * i + 1.0, 2)]
    person = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [0, 0, 99, 99],
        "area": 99,
        "keypoints": points,
    }
    return {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [person],
        "categories": [{"id": 1, "name": "person", "keypoints": list(names)}],
    }  # fmt: skip


def read(tmp_path, truth, **options):
    (tmp_path / "labels.json").write_text(json.dumps(truth))
    (frame,) = read_coco_records(tmp_path / "labels.json", **options)
    return frame


@pytest.mark.parametrize(
    "skeleton", ["posetrack17", "ap10k17", "coco17", "halpe26", "mpii16", "hand21", "crowdpose14"]
)
def test_the_names_of_the_keypoints_tell_the_skeleton(skeleton, tmp_path):
    frame = read(tmp_path, labels_with(load_skeleton(skeleton).keypoints))
    assert frame.skeleton == skeleton
    np.testing.assert_array_equal(
        frame.instances[0].keypoints[:, 0], np.arange(len(load_skeleton(skeleton))) + 1
    )


@pytest.mark.parametrize(
    "spell",
    [
        str.upper,
        lambda name: name.replace("_", " ").title(),
        lambda name: name.replace("left_", "L_").replace("right_", "R_"),
        lambda name: "".join(
            word.capitalize() for word in name.replace("left", "l").replace("right", "r").split("_")
        ),
        lambda name: "_".join(reversed(name.split("_"))),
        lambda name: name.replace("_", "-"),
    ],
    ids=["upper", "words", "initials", "camel", "side-last", "dashes"],
)
def test_other_spellings_are_recognised(spell):
    assert recognise([spell(name) for name in COCO]) == ("coco17", list(range(17)))


def test_the_names_that_data_sets_publish_are_recognised(tmp_path):
    # As the label files of AP-10K, CrowdPose and Human-Art (21 names beside 17 keypoints) have them.
    paws = [
        name.replace("_F_", "_Front_").replace("_B_", "_Back_") for name in load_skeleton("ap10k17").keypoints
    ]
    assert recognise(paws) == ("ap10k17", list(range(17)))
    crowd = [name.replace("top_head", "head") for name in load_skeleton("crowdpose14").keypoints]
    assert recognise(crowd) == ("crowdpose14", list(range(14)))
    human = labels_with(load_skeleton("humanart21").keypoints, count=17)
    assert read(tmp_path, human).skeleton == "coco17"


def test_keypoints_in_another_order_are_brought_into_the_skeletons(tmp_path):
    order = np.random.default_rng(0).permutation(17)
    frame = read(tmp_path, labels_with([COCO[i] for i in order]))
    assert frame.skeleton == "coco17"
    np.testing.assert_array_equal(frame.instances[0].keypoints[order, 0], np.arange(17) + 1)


def test_labels_in_another_order_are_evaluated_keypoint_by_keypoint(tmp_path, capsys):
    order = np.random.default_rng(1).permutation(17)
    truth = plain()
    truth["categories"] = [{"id": 1, "name": "person", "keypoints": [COCO[i] for i in order]}]
    for annotation in truth["annotations"]:
        points = np.array(annotation["keypoints"]).reshape(17, 3)
        annotation["keypoints"] = points[order].ravel().tolist()
    (tmp_path / "labels.json").write_text(json.dumps(truth))
    assert main(["eval", str(tmp_path / "labels.json"), str(DATA / "records_of_labels.jsonl")]) == 0
    assert json.loads(capsys.readouterr().out)["AP"] == pytest.approx(1)
    # A results file has the order of its label file; the figures are those of the plain order.
    plain_order = evaluate(tmp_path, capsys, plain(), results_of(plain()))
    assert evaluate(tmp_path, capsys, truth, results_of(truth)) == plain_order
    # And so has one that is written for it.
    (tmp_path / "labels.json").write_text(json.dumps(truth))
    arguments = [
        str(DATA / "records_of_labels.jsonl"),
        "--to",
        "coco",
        "--labels",
        str(tmp_path / "labels.json"),
    ]
    assert main(["convert", *arguments, "-o", str(tmp_path / "r.json")]) == 0
    written = json.loads((tmp_path / "r.json").read_text())
    expected = [a["keypoints"][:2] for a in truth["annotations"]]
    np.testing.assert_allclose([e["keypoints"][:2] for e in written], expected, rtol=1e-6)


def test_names_of_no_known_skeleton_are_an_error_that_names_the_option(tmp_path, capsys):
    truth = labels_with([f"point {i}" for i in range(17)])
    with pytest.raises(DataError, match="those of no known skeleton; name it with --source-skeleton"):
        read(tmp_path, truth)
    path = str(tmp_path / "labels.json")
    assert main(["convert", "--from", "coco", path, "--source-skeleton", "h36m17"]) == 0
    assert json.loads(capsys.readouterr().out)["skeleton"] == "h36m17"


def test_an_explicit_skeleton_wins_over_names_and_their_order(tmp_path, capsys):
    read(tmp_path, labels_with(COCO[::-1]))
    path = str(tmp_path / "labels.json")
    assert main(["convert", "--from", "coco", path, "--source-skeleton", "posetrack17"]) == 0
    frame = json.loads(capsys.readouterr().out)
    assert frame["skeleton"] == "posetrack17"
    assert [point[0] for point in frame["instances"][0]["keypoints"]] == [i + 1 for i in range(17)]
    assert main(["convert", "--from", "coco", path, "--source-skeleton", "halpe26"]) == 3
    assert "has 17 keypoints, --source-skeleton halpe26 has 26" in capsys.readouterr().err


def test_people_and_hands_in_one_image_are_an_error_that_names_both(tmp_path):
    truth = labels_with(COCO)
    hand = labels_with(load_skeleton("hand21").keypoints)
    truth["annotations"].append(hand["annotations"][0] | {"id": 2, "category_id": 2})
    truth["categories"].append(
        {"id": 2, "name": "hand", "keypoints": list(load_skeleton("hand21").keypoints)}
    )
    with pytest.raises(DataError, match="keypoints of the skeletons coco17 and hand21"):
        read(tmp_path, truth)


def test_training_does_not_take_animals_for_people(tmp_path):
    pytest.importorskip("torch")
    from rtmcli.errors import UsageError
    from rtmcli.training.data.labels import read_coco

    path = tmp_path / "labels.json"
    path.write_text(json.dumps(labels_with(load_skeleton("ap10k17").keypoints)))
    with pytest.raises(UsageError, match="from ap10k17 to coco17"):
        read_coco(path, load_skeleton("coco17"))


@pytest.mark.parametrize(
    ("file", "skeleton"),
    [
        ("posetrack18/annotations/test_posetrack18_val.json", "posetrack17"),
        ("ap10k/test_ap10k.json", "ap10k17"),
        ("aic/test_aic.json", "aic14"),
        ("animalpose/test_animalpose.json", "animalpose20"),
        ("crowdpose/test_crowdpose.json", "crowdpose14"),
        ("humanart/test_humanart.json", "coco17"),
        ("coco/test_coco_wholebody.json", "coco133"),
        ("halpe/test_halpe.json", "halpe136"),
        ("onehand10k/test_onehand10k.json", "hand21"),
    ],
)
def test_samples_of_data_sets_are_read_in_their_own_skeletons(data_dir, file, skeleton):
    frames = list(read_coco_records(data_dir / "samples" / file))
    assert {frame.skeleton for frame in frames if frame.instances} == {skeleton}
    assert read_labels(data_dir / "samples" / file)["keypoint_orders"] == {}
