"""`rtm eval` through its own command line: forms of input, figures, records and plots."""

import io
import json
import sys

import pytest

from rtmcli.cli.app import main
from rtmcli.formats.coco import frames_of_results
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import read_frames, write_frames
from tests.helpers.eval_runs import perfect_records, run

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
