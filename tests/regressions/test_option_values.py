"""Values of options that were taken although they mean nothing, or ended in an internal error."""

import json
from pathlib import Path

import pytest

from rtmcli.cli.app import main


@pytest.fixture
def poses(tmp_path: Path) -> str:
    points = [[10.0 * k, 5.0 * k + 20, 0.9] for k in range(17)]
    line = {
        "source": "walk.mp4",
        "frame": 0,
        "skeleton": "coco17",
        "instances": [{"id": 1, "keypoints": points}],
    }
    file = tmp_path / "poses.jsonl"
    file.write_text(json.dumps(line) + "\n")
    return str(file)


@pytest.mark.parametrize(
    "options",
    [["angles", "--height", "nan"], ["angles", "--min-score", "nan"], ["track", "--threshold", "nan"]],
    ids=" ".join,
)
def test_nan_is_no_number(poses: str, options: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main([*options, poses]) == 2
    assert f"{options[1]} nan is not a number" in capfd.readouterr().err


@pytest.mark.parametrize("known", ["1,2,nan,4,5", "1,2,inf,4,5", "1,2,3,4,inf", "1,2,3,4,0", "1,2,3,4"])
def test_known_points_are_finite(poses: str, known: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["angles", "--known", known, poses]) == 2
    assert f"--known '{known}' is not two points and a distance" in capfd.readouterr().err


@pytest.mark.parametrize("threads", ["abc", "0", "²"])
def test_threads_of_a_measurement_are_a_number(threads: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--people", "1", "--threads", threads]) == 2
    assert "--threads" in capfd.readouterr().err


@pytest.mark.parametrize("size", ["0x0", "256x0", "²x192", "256"])
def test_an_input_size_is_two_numbers_above_0(
    size: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "convert", "a.pth", "-o", str(tmp_path / "a.onnx"), "--input-size", size]) == 2
    assert f"--input-size '{size}' is not a size" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["bench", "--engines", "onnxruntim"], "--engines: unknown 'onnxruntim'; did you mean onnxruntime?"),
        (["bench", "--precisions", "float61"], "--precisions: unknown 'float61'; did you mean float16?"),
        (["track", "--max-gap", "abc"], "invalid value for '--max-gap': 'abc' is not a number; see"),
        (
            ["detect", "a.mp4", "--every", "1.5"],
            "invalid value for '--every': '1.5' is not a whole number; see",
        ),
    ],
)
def test_other_values_are_named_with_what_was_expected(
    options: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(options) == 2
    printed = capfd.readouterr()
    assert words in printed.err and printed.out == ""


def test_a_misspelt_command_of_models_is_suggested(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pul"]) == 2
    assert "no such command 'pul'; did you mean pull? 'rtm models show pul'" in capfd.readouterr().err


def test_a_misspelt_skeleton_of_the_page_is_suggested(
    poses: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert main(["view", poses, "-o", str(page), "--skeleton", "coco71"]) == 2
    assert "no such skeleton 'coco71'; did you mean coco17?" in capfd.readouterr().err
    assert not page.exists()
