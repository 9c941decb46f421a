"""`rtm eval --metric`: the distance metrics, chosen by the data set or by name, equal to the reference's numbers."""

import json

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.formats.labels import read_labels
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import write_frames
from rtmcli.skeletons import load_skeleton

NME = ["wflw", "lapa", "300w", "cofw"]
SKELETONS = {"wflw": "face98", "lapa": "face106", "300w": "face68_300w", "cofw": "face29_cofw"}


@pytest.fixture(scope="module")
def golden(goldens):
    return np.load(goldens / "metrics_pck_nme_3d.npz", allow_pickle=False)


@pytest.fixture
def run(capsys, tmp_path):
    """`rtm eval` on a label file and frames: exit code, figures and standard error."""

    def run(labels, frames, *options):
        truth, records = tmp_path / "labels.json", tmp_path / "records.jsonl"
        if isinstance(labels, dict | list):
            truth.write_text(json.dumps(labels))
        else:
            truth = labels
        write_frames(frames, records)
        code = main(["eval", str(truth), str(records), *options])
        out, err = capsys.readouterr()
        return code, json.loads(out) if code == 0 else out, err

    return run


def label_file(truth, mask, *, boxes=None, names=None, extra=lambda n: {}):
    """Labels in COCO's form, a person an image."""
    annotations = []
    for number, (points, seen) in enumerate(zip(truth, mask, strict=True)):
        rows = np.column_stack([np.where(seen[:, None], points, 0), 2.0 * seen])
        sides = (100, 100) if boxes is None else boxes[number]
        low = points[seen].min(axis=0)
        annotations.append(
            {
                "id": number + 1,
                "image_id": number + 1,
                "category_id": 1,
                "bbox": [*map(float, low), *map(float, sides)],
                "keypoints": rows.ravel().tolist(),
                **extra(number),
            }
        )
    images = [{"id": number + 1, "file_name": f"{number:03d}.jpg"} for number in range(len(truth))]
    category = {"id": 1, "name": "person", **({} if names is None else {"keypoints": list(names)})}
    return {"images": images, "annotations": annotations, "categories": [category]}


def predictions(found, skeleton, **more):
    """Records with one person each, without boxes."""
    return [
        Frame(
            source=f"images/{number:03d}.jpg",
            frame=0,
            frames=1,
            skeleton=skeleton,
            instances=[
                Instance(
                    keypoints=np.column_stack([points, np.ones(len(points))]).astype(np.float32),
                    score=0.9,
                    **{key: value[number] for key, value in more.items()},
                )
            ],
        )
        for number, points in enumerate(found)
    ]


@pytest.mark.parametrize("name", NME)
def test_face_labels_give_nme_by_themselves(golden, run, name):
    pred, gt, mask = (golden[f"nme_{name}_{key}"] for key in ("pred", "gt", "mask"))
    labels = label_file(gt, mask.astype(bool))
    code, figures, err = run(labels, predictions(pred, SKELETONS[name]))
    assert (code, err) == (0, "")
    assert figures == {"NME": pytest.approx(float(golden[f"nme_{name}"]), abs=1e-5)}


def test_mpii_labels_give_pckh_by_themselves(golden, run):
    heads = golden["head_size"][:, 0]
    labels = label_file(
        golden["gt"],
        golden["mask"].astype(bool),
        names=load_skeleton("mpii16").keypoints,
        extra=lambda n: {"head_size": float(heads[n])},
    )
    code, figures, err = run(labels, predictions(golden["pred"], "mpii16"))
    assert (code, err) == (0, "")
    expected = json.loads(str(golden["mpii"]))
    assert list(figures.values()) == pytest.approx([value / 100 for value in expected.values()], abs=1e-6)
    assert list(figures) == ["Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "PCKh", "PCKh@0.1"]


def test_pck_auc_and_epe_are_computed_where_they_are_asked_for(golden, run):
    labels = label_file(golden["gt"], golden["mask"].astype(bool), boxes=golden["norm_bbox"])
    asked = ["--metric", "pck", "--metric", "auc", "--metric", "epe", "--pck-threshold", "0.1"]
    _, figures, _ = run(labels, predictions(golden["pred"], "mpii16"), *asked)
    assert figures == {
        "PCK@0.1": pytest.approx(golden["pck_0.1_mean_cnt"][0], abs=1e-5),
        "AUC": pytest.approx(float(golden["auc_30_20"]), abs=1e-5),
        "EPE": pytest.approx(float(golden["epe"]), abs=1e-4),
    }


def in_space(truth, found):
    """Labels and predictions (N, 17, 3) in metres, with points in the image that do not matter."""
    flat = np.random.default_rng(0).uniform(0, 99, (len(truth), 17, 2))
    scored = [np.concatenate([points, np.ones((len(points), 17, 1))], axis=2) for points in (truth, found)]
    labels = label_file(
        flat,
        np.ones((len(truth), 17), bool),
        names=load_skeleton("h36m17").keypoints,
        extra=lambda n: {"keypoints3d": scored[0][n].tolist()},
    )
    return labels, predictions(flat, "h36m17", keypoints3d=scored[1].astype(np.float32))


def test_labels_in_space_give_mpjpe_in_millimetres_by_themselves(run):
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(4, 17, 3))
    found = truth + [1, 2, 3]
    found[:, 1:, 0] += 0.01
    code, figures, err = run(*in_space(truth, found))
    assert (code, err) == (0, "")
    # The root is exact, the other 16 points are off by 10 mm.
    assert figures["MPJPE"] == pytest.approx(10 * 16 / 17, rel=1e-3)
    assert 0 < figures["PA-MPJPE"] < figures["MPJPE"]


def test_scale_and_rotation_are_taken_out_where_they_are_asked_for(run):
    truth = np.random.default_rng(3).normal(size=(4, 17, 3))
    quarter_turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    asked = ["--metric", "pa-mpjpe", "--metric", "n-mpjpe"]
    assert run(*in_space(truth, 0.5 * truth @ quarter_turn.T), *asked)[1]["PA-MPJPE"] < 1e-2
    _, figures, _ = run(*in_space(truth, 0.5 * truth), *asked)
    assert list(figures) == ["PA-MPJPE", "N-MPJPE"]
    assert figures["N-MPJPE"] < 1e-2


def test_a_person_without_a_prediction_is_wrong_in_pck_and_left_out_of_epe(golden, run):
    labels = label_file(golden["gt"], golden["mask"].astype(bool), boxes=golden["norm_bbox"])
    frames = predictions(golden["gt"] + 1, "mpii16")
    frames[0].instances = []
    _, figures, err = run(labels, frames, "--metric", "pck", "--metric", "epe", "--pck-threshold", "0.9")
    labelled = golden["mask"].astype(bool)
    share = labelled[1:].sum(axis=0) / labelled.sum(axis=0).clip(min=1)
    assert figures["PCK@0.9"] == pytest.approx(share[labelled.any(axis=0)].mean(), abs=1e-6)
    assert figures["EPE"] == pytest.approx(np.sqrt(2), abs=1e-4)
    assert f"1 of {len(frames)} labelled people have no prediction" in err


def test_each_label_is_compared_with_the_prediction_in_its_box(run):
    """Two people whose poses lie on each other: boxes tell them apart."""
    truth = np.stack([np.full((21, 2), 50.0), np.full((21, 2), 54.0)])
    labels = label_file(truth, np.ones((2, 21), bool), names=load_skeleton("hand21").keypoints)
    for annotation, left in zip(labels["annotations"], (0, 60), strict=True):
        annotation |= {"image_id": 1, "bbox": [left, 0, 60, 100]}
    people = [
        Instance(
            keypoints=np.full((21, 3), place, np.float32),
            box=np.array([left, 0, left + 60, 100], np.float32),
            score=score,
        )
        for place, left, score in ((54.0, 60, 0.9), (50.0, 0, 0.2))
    ]
    frame = Frame(source="000.jpg", frame=0, frames=1, skeleton="hand21", instances=people)
    _, figures, _ = run(labels, [frame], "--metric", "epe")
    assert figures == {"EPE": 0}


def test_per_image_tells_each_persons_error(golden, run, capsys, tmp_path):
    labels = label_file(golden["gt"], np.ones(golden["mask"].shape, bool))
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    write_frames(predictions(golden["gt"] + [3, 4], "mpii16"), tmp_path / "r.jsonl")
    paths = [str(tmp_path / "labels.json"), str(tmp_path / "r.jsonl")]
    assert main(["eval", *paths, "--metric", "pck", "--per-image"]) == 0
    told = [json.loads(line)["instances"][0] for line in capsys.readouterr().out.splitlines()]
    assert [one["error"] for one in told] == pytest.approx([5.0] * len(told), abs=1e-3)
    assert [one["truth"] for one in told] == [a["id"] for a in labels["annotations"]]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--metric", "ap", "--metric", "pck"], "--metric ap ranks people"),
        (["--metric", "epe", "--boxes"], "give one of them"),
        (["--metric", "epe", "--pck-threshold", "0.1"], "belongs to --metric pck or pckh"),
        (["--metric", "pck", "--rank", "box"], "--rank has no effect on pck"),
        (["--metric", "pck", "--oks-nms", "0.8"], "--oks-nms has no effect on pck"),
        (["--area", "box"], "--area has no effect on nme"),
        (["--plot", "x.png"], "--plot has no effect on nme"),
    ],
)
def test_an_option_without_effect_is_an_error(golden, run, options, told):
    labels = label_file(golden["nme_wflw_gt"], golden["nme_wflw_mask"].astype(bool))
    code, _, err = run(labels, predictions(golden["nme_wflw_pred"], "face98"), *options)
    assert code == 2
    assert told in err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--metric", "nme"], "NME has no reference length for hand21; it has one for face98"),
        (["--metric", "pckh"], "the labels have no head sizes for PCKh"),
        (["--metric", "mpjpe"], "the labels have no labelled point in keypoints3d"),
    ],
)
def test_what_the_labels_lack_is_named(run, options, told):
    truth = np.random.default_rng(0).uniform(0, 99, (2, 21, 2))
    labels = label_file(truth, np.ones((2, 21), bool), names=load_skeleton("hand21").keypoints)
    code, _, err = run(labels, predictions(truth, "hand21"), *options)
    assert code == 3
    assert told in err


def test_mpiis_own_list_is_read_and_counts_pixels_from_one(run):
    """MPII's list holds the joints of one person an entry, in pixels counted from 1."""
    rng = np.random.default_rng(1)
    joints = rng.uniform(100, 300, (3, 16, 2))
    people = [
        {
            "image": f"00{number}.jpg",
            "joints": points.tolist(),
            "joints_vis": [1] * 15 + [0],
            "center": [200.0, 200.0],
            "scale": 1.5,
            "head_size": 40.0,
        }
        for number, points in enumerate(joints)
    ]
    code, figures, err = run(people, predictions(joints - 1, "mpii16"))
    assert (code, err) == (0, "")
    assert [figures["PCKh"], figures["PCKh@0.1"]] == pytest.approx([1, 1])


class TestRealLabels:
    """Samples of data sets: predictions that equal the labels are perfect, and moved ones are off by as much."""

    def frames(self, labels, skeleton, shift):
        by_image = {image["id"]: [] for image in labels["images"]}
        for a in labels["annotations"]:
            points = np.array(a["keypoints"], np.float32).reshape(-1, 3) + np.float32([*shift, 0])
            box = np.array(a["bbox"], np.float32)
            box[2:] += box[:2]
            by_image[a["image_id"]].append(Instance(keypoints=points, box=box, score=1.0))
        return [
            Frame(
                source=f"d/{i['file_name']}",
                frame=0,
                frames=1,
                skeleton=skeleton,
                instances=by_image[i["id"]],
            )
            for i in labels["images"]
        ]

    @pytest.mark.parametrize(
        ("name", "skeleton", "pair"), [("wflw", "face98", (60, 72)), ("lapa", "face106", (66, 79))]
    )
    def test_faces(self, data_dir, run, name, skeleton, pair):
        path = data_dir / "samples" / name / f"test_{name}.json"
        labels = read_labels(path)
        assert run(path, self.frames(labels, skeleton, (0, 0)))[1]["NME"] < 1e-6
        _, figures, _ = run(path, self.frames(labels, skeleton, (3, 4)))
        points = np.array([a["keypoints"] for a in labels["annotations"]]).reshape(
            len(labels["annotations"]), -1, 3
        )
        eyes = np.linalg.norm(points[:, pair[0], :2] - points[:, pair[1], :2], axis=1)
        seen = (points[..., 2] > 0).sum(axis=1)
        assert figures["NME"] == pytest.approx((5 / eyes * seen).sum() / seen.sum(), rel=1e-4)

    def test_hands(self, data_dir, run):
        path = data_dir / "samples" / "onehand10k" / "test_onehand10k.json"
        asked = ["--metric", "pck", "--metric", "auc", "--metric", "epe"]
        _, figures, _ = run(path, self.frames(read_labels(path), "hand21", (3, 4)), *asked)
        # 5 of 30 pixels: the thresholds 4/20 to 19/20 are above it.
        assert figures == {"PCK@0.2": 1, "AUC": pytest.approx(16 / 20), "EPE": pytest.approx(5, abs=1e-4)}

    def test_mpii(self, data_dir, run):
        path = data_dir / "samples" / "mpii" / "test_mpii.json"
        frames = self.frames(read_labels(path), "mpii16", (0, 0))
        code, figures, err = run(path, frames)
        assert code == 0
        assert [figures["PCKh"], figures["PCKh@0.1"]] == pytest.approx([1, 1])
        assert "the labels have no head sizes" in err
