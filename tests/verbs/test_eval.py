"""`rtm eval` through its own command line: forms of input, figures, and every reason for a senseless AP."""

import io
import json
import sys

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.formats.coco import frames_of_results
from rtmcli.geometry.boxes import from_xywh
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import read_frames, write_frames

TEN = ["AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"]


@pytest.fixture
def golden(goldens):
    return json.loads((goldens / "eval_coco17_a.json").read_text())


@pytest.fixture
def files(golden, tmp_path):
    """The golden's labels and results as files, and a function that writes changed copies."""
    (tmp_path / "gt.json").write_text(json.dumps(golden["gt"]))
    (tmp_path / "results.json").write_text(json.dumps(golden["results"]))
    return tmp_path


def run(capsys, *arguments):
    """Exit code, standard output and standard error of `rtm eval`."""
    code = main(["eval", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def perfect_records(gt, path, *, shift=0.0, **frame_keys):
    """Records whose people stand where the labels say, off by `shift` pixels."""
    frames = []
    for image in gt["images"]:
        people = []
        for a in gt["annotations"]:
            if a["image_id"] == image["id"] and a["num_keypoints"] and not a["iscrowd"]:
                points = np.array(a["keypoints"], np.float32).reshape(-1, 3)
                points = np.where(points[:, 2:] > 0, points + np.float32(shift), np.float32(np.nan))
                points[:, 2] = 0.9
                box = from_xywh(np.array(a["bbox"], np.float32))
                people.append(Instance(box=box, score=0.9, keypoints=points, label="person"))
        keys = {"source": f"somewhere/{image['file_name']}", "frames": 1, "skeleton": "coco17"} | frame_keys
        frames.append(Frame(frame=0, instances=people, **keys))
    write_frames(frames, path)
    return frames


def test_a_results_file_gives_the_ten_figures_as_one_json_line(files, golden, capsys):
    code, out, _ = run(capsys, files / "gt.json", files / "results.json")
    assert code == 0
    figures = json.loads(out)
    assert list(figures) == TEN
    expected = [value for value in golden["expected"].values()]
    assert list(figures.values()) == pytest.approx(expected, abs=1e-6)


def test_box_area_is_an_option(files, golden, capsys):
    _, out, _ = run(capsys, files / "gt.json", files / "results.json", "--area", "box")
    expected = list(golden["expected_use_area_false"].values())
    assert list(json.loads(out).values()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["halpe26", "ap10k", "wholebody", "crowdpose", "bbox"])
def test_labels_of_every_kind_are_recognised(goldens, tmp_path, capsys, name):
    golden = json.loads((goldens / f"eval_{name}.json").read_text())
    (tmp_path / "gt.json").write_text(json.dumps(golden["gt"]))
    (tmp_path / "results.json").write_text(json.dumps(golden["results"]))
    options = ["--skeleton", "ap10k17"] if name == "ap10k" else []
    code, out, _ = run(capsys, tmp_path / "gt.json", tmp_path / "results.json", *options)
    assert code == 0
    found = json.loads(out)
    expected = golden["expected"]
    if name == "wholebody":
        for part, figures in found.pop("parts").items():
            assert list(figures.values()) == pytest.approx(
                list(expected[f"keypoints_{part}"].values()), abs=1e-6
            )
        expected = expected["keypoints_wholebody"]
    assert list(found.values()) == pytest.approx(list(expected.values()), abs=1e-6)


def test_records_from_standard_input_reach_one_where_they_are_right(files, golden, capsys, monkeypatch):
    perfect_records(golden["gt"], files / "records.jsonl")
    pipe = io.TextIOWrapper(io.BufferedReader(io.BytesIO((files / "records.jsonl").read_bytes())))
    monkeypatch.setattr(sys, "stdin", pipe)
    code, out, _ = run(capsys, files / "gt.json")
    assert code == 0
    assert json.loads(out)["AP"] == pytest.approx(1)


def test_records_without_keypoints_are_compared_as_boxes(files, golden, capsys):
    golden["gt"]["annotations"] = [a for a in golden["gt"]["annotations"] if a["num_keypoints"]]
    (files / "gt.json").write_text(json.dumps(golden["gt"]))
    frames = perfect_records(golden["gt"], files / "records.jsonl")
    for frame in frames:
        for person in frame.instances:
            person.keypoints = None
    write_frames(frames, files / "boxes.jsonl")
    _, boxes, _ = run(capsys, files / "gt.json", files / "boxes.jsonl")
    assert json.loads(boxes)["AP"] == pytest.approx(1)
    assert list(json.loads(boxes))[6:9] == ["AR1", "AR10", "AR100"]
    _, asked, _ = run(capsys, files / "gt.json", files / "records.jsonl", "--boxes")
    assert asked == boxes


def test_whole_body_records_give_the_figures_of_whole_body_results(goldens, tmp_path, capsys):
    golden = json.loads((goldens / "eval_wholebody.json").read_text())
    (tmp_path / "gt.json").write_text(json.dumps(golden["gt"]))
    told = [frame for frame, _ in frames_of_results(golden["results"], golden["gt"], "coco133")]
    assert told[0].instances[0].keypoints.shape == (133, 3)
    write_frames(told, tmp_path / "records.jsonl")
    options = ["--rank", "box", "--oks-nms", "none"]
    _, out, err = run(capsys, tmp_path / "gt.json", tmp_path / "records.jsonl", *options)
    found = json.loads(out)
    parts = {**found.pop("parts"), "wholebody": found}
    for part, figures in parts.items():
        expected = golden["expected"][f"keypoints_{part}"]
        assert list(figures.values()) == pytest.approx(list(expected.values()), abs=1e-6)
    assert err == ""


def test_ranking_by_box_and_by_box_and_keypoints_differ(files, golden, capsys):
    frames = perfect_records(golden["gt"], files / "records.jsonl")
    for number, person in enumerate(p for f in frames for p in f.instances):
        wrong = number % 2
        person.keypoints[:, 2] = 0.3 if wrong else 0.9
        person.keypoints[:, :2] += 400 * wrong
        person.score = 0.9 if wrong else 0.8
    write_frames(frames, files / "records.jsonl")
    figures = {
        rank: json.loads(run(capsys, files / "gt.json", files / "records.jsonl", "--rank", rank)[1])["AP"]
        for rank in ("box", "box-keypoint")
    }
    assert figures["box"] < figures["box-keypoint"]
    default = json.loads(run(capsys, files / "gt.json", files / "records.jsonl")[1])["AP"]
    assert default == figures["box-keypoint"]
    for frame in frames:
        frame.model = "rtmo-s-coco17-640x640"
    write_frames(frames, files / "records.jsonl")
    assert json.loads(run(capsys, files / "gt.json", files / "records.jsonl")[1])["AP"] == figures["box"]


def test_near_duplicates_are_dropped_unless_told_otherwise(files, golden, capsys):
    frames = perfect_records(golden["gt"], files / "records.jsonl")
    for frame in frames:
        frame.instances = [p for p in frame.instances for _ in range(2)]
    write_frames(frames, files / "twice.jsonl")
    dropped = json.loads(run(capsys, files / "gt.json", files / "twice.jsonl")[1])["AP"]
    kept = json.loads(run(capsys, files / "gt.json", files / "twice.jsonl", "--oks-nms", "none")[1])["AP"]
    assert dropped == pytest.approx(1)
    assert kept < 0.9
    assert run(capsys, files / "gt.json", files / "twice.jsonl", "--oks-nms", "2")[0] == 2


def test_per_image_writes_the_records_on_with_each_persons_oks(files, golden, capfdbinary):
    frames = perfect_records(golden["gt"], files / "records.jsonl", shift=3.0)
    frames[0].extra["kept"] = "as it was"
    write_frames(frames, files / "records.jsonl")
    assert main(["eval", str(files / "gt.json"), str(files / "records.jsonl"), "--per-image"]) == 0
    out, err = capfdbinary.readouterr()
    told = list(read_frames(io.BytesIO(out)))
    assert len(told) == len(frames)
    assert told[0].extra["kept"] == "as it was"
    labelled = {a["id"]: a for a in golden["gt"]["annotations"] if a["num_keypoints"]}
    people = [p for f in told for p in f.instances if p.extra["truth"] in labelled]
    assert len(people) > 10
    assert all(0 < p.extra["oks"] < 1 for p in people)
    assert json.loads(err)["AP"] > 0


def test_results_can_be_told_picture_by_picture_too(files, golden, capfdbinary):
    assert main(["eval", str(files / "gt.json"), str(files / "results.json"), "--per-image"]) == 0
    told = list(read_frames(io.BytesIO(capfdbinary.readouterr().out)))
    assert [f.source for f in told] == [i["file_name"] for i in golden["gt"]["images"]]
    assert sum(len(f.instances) for f in told) == len(golden["results"])


def test_a_plot_is_a_picture_of_the_size_it_should_have(files, capsys):
    import cv2

    for name, options in (("keypoints.png", []), ("again.png", ["--area", "box"])):
        code, _, err = run(
            capsys, files / "gt.json", files / "results.json", "--plot", files / name, *options
        )
        assert (code, err) == (0, "")
        picture = cv2.imread(str(files / name))
        assert picture.shape[1] > picture.shape[0] > 400
        assert picture.std() > 10
    code, _, err = run(capsys, files / "gt.json", files / "results.json", "--plot", files / "plot.xyz")
    assert code == 2
    assert "xyz" in err
    assert not list(files.glob(".plot*"))


def test_only_pictures_with_a_key_take_part(files, golden, capsys):
    for number, image in enumerate(golden["gt"]["images"]):
        image["chosen"] = number < 5
    (files / "gt.json").write_text(json.dumps(golden["gt"]))
    perfect_records(golden["gt"], files / "records.jsonl")
    code, out, err = run(capsys, files / "gt.json", files / "records.jsonl", "--where", "chosen")
    assert (code, err) == (0, "")
    assert json.loads(out)["AP"] == pytest.approx(1)
    code, _, err = run(capsys, files / "gt.json", files / "records.jsonl", "--where", "chose")
    assert code == 3
    assert "no image of the labels has 'chose' true; entries with true or false there: chosen" in err


def test_a_truncated_stream_is_named(files, golden, capsys):
    frames = perfect_records(golden["gt"], files / "records.jsonl")
    write_frames(
        [Frame(source="walk.mp4", frame=i, frames=150, extra={"file": frames[0].source}) for i in range(84)],
        files / "cut.jsonl",
    )
    _, _, err = run(capsys, files / "gt.json", files / "cut.jsonl")
    assert "walk.mp4: 84 of 150 frames" in err


def test_labelled_pictures_without_a_record_are_counted_aloud(files, golden, capsys):
    frames = perfect_records(golden["gt"], files / "records.jsonl")
    write_frames(frames[:3], files / "few.jsonl")
    code, out, err = run(capsys, files / "gt.json", files / "few.jsonl")
    assert code == 0
    assert json.loads(out)["AP"] < 1
    assert f"3 of {len(frames)} labelled images have a record" in err


def test_nobody_found_is_said(files, golden, capsys):
    write_frames(
        [Frame(source=i["file_name"], frame=0, frames=1) for i in golden["gt"]["images"]], files / "r"
    )
    code, out, err = run(capsys, files / "gt.json", files / "r")
    assert (code, json.loads(out)["AP"]) == (0, 0)
    assert "no person was found" in err


class TestReasonsForASenselessAP:
    """Custom data that would end in 0 or -1 ends in exit code 3 and a sentence."""

    def fails(self, capsys, gt, predictions, *options):
        code, out, err = run(capsys, gt, predictions, *options)
        assert code == 3
        assert out == ""
        assert len(err.splitlines()) == 1
        return err

    def test_records_of_other_pictures(self, files, golden, capsys):
        perfect_records(golden["gt"], files / "records.jsonl", source="elsewhere/x.jpg")
        err = self.fails(capsys, files / "gt.json", files / "records.jsonl")
        assert "does not have: elsewhere/x.jpg, elsewhere/x.jpg" in err
        assert "--unmatched skip" in err
        err = self.fails(capsys, files / "gt.json", files / "records.jsonl", "--unmatched", "skip")
        assert "no record is of an image" in err

    def test_results_with_other_ids(self, files, golden, capsys):
        for result in golden["results"][:3]:
            result["image_id"] = 999999
        (files / "results.json").write_text(json.dumps(golden["results"]))
        assert "image_id 999999" in self.fails(capsys, files / "gt.json", files / "results.json")

    @pytest.mark.parametrize("area", [0, -5, None])
    def test_areas_that_are_not_above_zero(self, files, golden, capsys, area):
        for annotation in golden["gt"]["annotations"]:
            if area is None:
                del annotation["area"]
            else:
                annotation["area"] = area
        (files / "gt.json").write_text(json.dumps(golden["gt"]))
        err = self.fails(capsys, files / "gt.json", files / "results.json")
        assert "no area above 0" in err
        assert run(capsys, files / "gt.json", files / "results.json", "--area", "box")[0] == 0

    def test_a_skeleton_with_another_number_of_sigmas(self, files, golden, capsys):
        err = self.fails(capsys, files / "gt.json", files / "results.json", "--skeleton", "halpe26")
        assert "17 keypoints, but halpe26 has sigmas for 26" in err

    def test_records_with_another_skeleton(self, files, golden, capsys):
        perfect_records(golden["gt"], files / "records.jsonl", skeleton="halpe26")
        err = self.fails(capsys, files / "gt.json", files / "records.jsonl")
        assert "rtm convert --skeleton coco17" in err

    def test_results_with_another_number_of_points(self, files, golden, capsys):
        golden["results"][4]["keypoints"] += [1, 2, 0.5]
        (files / "results.json").write_text(json.dumps(golden["results"]))
        assert "has 18 keypoints" in self.fails(capsys, files / "gt.json", files / "results.json")

    def test_labels_without_a_labelled_point(self, files, golden, capsys):
        for annotation in golden["gt"]["annotations"]:
            annotation["keypoints"] = [0] * 51
        (files / "gt.json").write_text(json.dumps(golden["gt"]))
        assert "has a labelled point" in self.fails(capsys, files / "gt.json", files / "results.json")

    def test_labels_of_another_category(self, files, golden, capsys):
        for result in golden["results"]:
            result["category_id"] = 7
        (files / "results.json").write_text(json.dumps(golden["results"]))
        assert "category 7" in self.fails(capsys, files / "gt.json", files / "results.json")

    def test_boxes_of_another_class(self, files, golden, capsys):
        golden["gt"]["categories"][0] = {"id": 1, "name": "ball"}
        for annotation in golden["gt"]["annotations"]:
            del annotation["keypoints"]
        (files / "gt.json").write_text(json.dumps(golden["gt"]))
        frames = [
            Frame(
                source=image["file_name"],
                frame=0,
                frames=1,
                instances=[Instance(box=np.array([0, 0, 9, 9], np.float32), score=0.5, label="person")],
            )
            for image in golden["gt"]["images"]
        ]
        write_frames(frames, files / "boxes.jsonl")
        err = self.fails(capsys, files / "gt.json", files / "boxes.jsonl")
        assert "the records hold only person" in err
        assert "only ball; --category ball takes" in err
        assert run(capsys, files / "gt.json", files / "boxes.jsonl", "--category", "ball")[0] == 0

    @pytest.mark.parametrize(
        ("text", "told"),
        [("", "no records"), ("[1, 2", "not JSON"), ("{}", "line 1"), ('[{"image_id": 1}]', "entry 0")],
    )
    def test_predictions_that_are_none(self, files, capsys, text, told):
        (files / "broken").write_text(text)
        assert told in self.fails(capsys, files / "gt.json", files / "broken")

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("[]", "is a list of results"),
            ("{}", "no list 'images'"),
            ('{"images": [], "annotations": [{}]}', "annotations[0] has no 'image_id'"),
            ("nothing", "not JSON"),
        ],
    )
    def test_labels_that_are_none(self, files, capsys, text, told):
        (files / "gt.json").write_text(text)
        assert told in self.fails(capsys, files / "gt.json", files / "results.json")

    def test_files_that_are_not_there(self, files, capsys):
        assert "cannot read" in self.fails(capsys, files / "none.json", files / "results.json")
        assert "cannot read" in self.fails(capsys, files / "gt.json", files / "none.jsonl")
