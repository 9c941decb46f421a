"""`rtm angles` through its own command line."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from rtmcli.cli.app import main
from tests.helpers.figures import JOINTS, expected, figure, in_image, in_space

LINE = (
    '{"time":%s,"source":"a","mine":[1,2.50],"frame":%d,"skeleton":"%s",'
    '"instances":[{"id":7,"x":"y","keypoints":%s}]}'
)


def line(number: int, skeleton: str = "halpe26", knee: float = 35.0) -> str:
    points = in_image(figure({**JOINTS, "right_knee": knee}), skeleton).tolist()
    rows = [None if point[0] != point[0] else point for point in points]
    return LINE % (number / 10, number, skeleton, json.dumps(rows)) + "\n"


@pytest.fixture
def angles(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run `rtm angles` on lines and return those that come out."""

    def run(text: str, *options: str) -> list[str]:
        file = tmp_path / "in.jsonl"
        file.write_text(text)
        assert main(["angles", str(file), *options]) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_the_angles_are_added_and_every_other_key_stays(angles) -> None:
    given = line(0)
    (out,) = angles(given)
    before, after = json.loads(given), json.loads(out)
    person = after["instances"][0]
    found, side = person.pop("angles"), person.pop("side")
    assert side == "right" and found["left_knee"] == pytest.approx(62, abs=1e-3)
    assert list(after) == list(before) and list(person) == ["id", "x", "keypoints"]
    assert after["mine"] == [1, 2.5] and person["x"] == "y"
    assert np.float32(person["keypoints"][0]).tolist() == before["instances"][0]["keypoints"][0]


def test_an_angle_is_written_with_the_digits_of_a_float32(angles) -> None:
    values = json.loads(angles(line(0))[0])["instances"][0]["angles"].values()
    assert all(len(repr(value)) <= 12 and float(str(np.float32(value))) == value for value in values)


def test_the_table_has_a_row_for_each_person_and_frame(angles, tmp_path: Path) -> None:
    lines = (
        line(0) + '{"source":"a","frame":1,"time":0.1,"instances":[]}\n' + line(2, knee=45) + line(3, knee=47)
    )
    out = angles(lines, "--csv", str(tmp_path / "a.csv"), "--velocity")
    assert len(out) == 4
    rows = list(csv.DictReader((tmp_path / "a.csv").open()))
    assert [(r["source"], r["frame"], r["time"], r["id"], r["side"]) for r in rows] == [
        ("a", "0", "0.0", "7", "right"),
        ("a", "2", "0.2", "7", "right"),
        ("a", "3", "0.3", "7", "right"),
    ]
    assert [float(r["right_knee"]) for r in rows] == pytest.approx([35, 45, 47], abs=1e-3)
    assert [r["right_knee_velocity"] for r in rows[:2]] == ["", ""]
    assert float(rows[2]["right_knee_velocity"]) == pytest.approx(20, abs=0.05)
    truth = expected()
    assert all(
        float(rows[0][name]) == pytest.approx(truth[name], abs=1e-3) for name in truth if name in rows[0]
    )


def test_the_table_has_columns_for_angles_in_space(angles, tmp_path: Path) -> None:
    text = ""
    for number, wrist in enumerate((5, 8)):
        points = in_space(figure({**JOINTS, "left_wrist": wrist}), "coco133").tolist()
        rows = [None if row[0] != row[0] else row for row in points]
        frame = {"source": "a", "frame": number, "time": number / 10, "skeleton": "coco133"}
        text += json.dumps({**frame, "instances": [{"id": 1, "keypoints3d": rows}]}) + "\n"
    angles(text, "--velocity", "--csv", str(tmp_path / "a.csv"))
    first, second = csv.DictReader((tmp_path / "a.csv").open())
    assert float(first["left_wrist_3d"]) == pytest.approx(5, abs=1e-3)
    assert first["left_wrist"] == "" and "trunk_3d" not in first
    assert first["left_wrist_3d_velocity"] == "" and "trunk_3d_velocity" not in first
    assert float(second["left_wrist_3d_velocity"]) == pytest.approx(30, abs=0.05)


def test_a_table_of_two_skeletons_is_an_error_and_leaves_no_file(tmp_path: Path, capsys) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text(line(0, "coco17") + line(1, "halpe26"))
    assert main(["angles", str(file), "--csv", str(tmp_path / "a.csv")]) == 3
    assert "the table has no column left_ankle" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_the_plot_is_an_image_with_a_panel_for_each_angle(angles, tmp_path: Path) -> None:
    from matplotlib.image import imread

    plain = angles(line(0) + line(1, knee=50))
    assert angles(line(0) + line(1, knee=50), "--plot", str(tmp_path / "a.png")) == plain
    image = imread(tmp_path / "a.png")
    assert image.shape[1] == 1248 and image.shape[0] > 2000
    angles('{"source":"a","frame":0,"instances":[]}\n', "--plot", str(tmp_path / "none.png"))
    assert (tmp_path / "none.png").stat().st_size > 1000


def test_people_without_an_id_get_one_for_velocities_alone(angles) -> None:
    text = (line(0) + line(1)).replace('"id":7,', "")
    assert all("id" not in json.loads(out)["instances"][0] for out in angles(text))
    people = [json.loads(out)["instances"][0] for out in angles(text, "--velocity")]
    assert [person["id"] for person in people] == [1, 1]
    assert people[1]["angular_velocity"]["left_hip"] == pytest.approx(0, abs=1e-3)
    assert len(people[1]["keypoint_speeds"]) == 26


def test_a_skeleton_without_angles_ends_with_3_and_the_remedy(tmp_path: Path, capsys) -> None:
    file = tmp_path / "in.jsonl"
    hand = {"source": "a", "frame": 0, "skeleton": "hand21", "instances": [{"keypoints": [[1, 2, 1]] * 21}]}
    file.write_text(json.dumps(hand) + "\n")
    assert main(["angles", str(file)]) == 3
    error = capsys.readouterr().err
    assert "no angles are defined for the skeleton hand21" in error and "rtm convert --skeleton NAME" in error
    assert error.count("\n") == 1


def test_repetitions_are_marked_counted_and_in_the_table(tmp_path: Path, capsys) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text("".join(line(n, knee=50 - 40 * np.cos(n / 20 * 2 * np.pi)) for n in range(60)))
    table, plot = tmp_path / "a.csv", tmp_path / "a.png"
    assert main(["angles", str(file), "--events", "reps", "--csv", str(table), "--plot", str(plot)]) == 0
    captured = capsys.readouterr()
    assert captured.err == "rtm angles: a, id 7: 3 repetitions, 30.0 a minute\n"
    marked = [json.loads(text) for text in captured.out.splitlines()]
    assert [f["frame"] for f in marked if "events" in f["instances"][0]] == [10, 30, 50]
    rows = list(csv.DictReader(table.open()))
    assert [row["frame"] for row in rows if row["events"] == "repetition"] == ["10", "30", "50"]
    assert plot.stat().st_size > 10000


def test_naming_an_angle_without_counting_repetitions_is_an_error(capsys) -> None:
    assert main(["angles", "--of", "left_knee"]) == 2
    assert "--of has no effect without --events reps" in capsys.readouterr().err
