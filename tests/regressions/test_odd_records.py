"""Records that are valid and odd ended in internal errors, or in errors that did not say where."""

import json
from pathlib import Path
from typing import Any

import pytest

from rtmcli.cli.app import main
from rtmcli.formats.table import FORMATS

POINTS = [[10.0 * k, 5.0 * k + 20, 0.9] for k in range(17)]
BOX = [0.0, 0.0, 170.0, 110.0]


def person(**changes: Any) -> dict[str, Any]:
    return {"id": 1, "label": "person", "box": BOX, "score": 0.9, "keypoints": POINTS, **changes}


def record(number: int, *people: dict[str, Any], **changes: Any) -> dict[str, Any]:
    first = {
        "source": "walk.mp4",
        "frame": number,
        "frames": 4,
        "time": number / 25,
        "width": 640,
        "height": 480,
    }
    return {**first, "skeleton": "coco17", "instances": list(people), **changes}


ODD = {
    "no keypoints in the list": [record(n, person(keypoints=[])) for n in range(4)],
    "keypoints without places": [record(n, person(keypoints=[[1.0, None, 0.5]] * 17)) for n in range(4)],
    "a box of nulls": [record(n, person(box=[None] * 4)) for n in range(4)],
    "too few keypoints": [record(n, person(), skeleton="coco133") for n in range(4)],
    "too few keypoints of OpenPose": [record(n, person(), skeleton="openpose134") for n in range(4)],
    "people of two skeletons": [record(0, person(), person(id=2, keypoints=POINTS[:5]))],
    "an unknown skeleton": [record(n, person(), skeleton="coco71") for n in range(4)],
    "a skeleton file that is not here": [record(n, person(), skeleton="mine.toml") for n in range(4)],
    "no skeleton": [record(n, person(), skeleton=None) for n in range(4)],
    "numbers above 32 bits": [record(2**40 + n, person(id=2**50), frames=2**41) for n in range(4)],
    "keys of rtm angles that hold something else": [
        record(n, person(angles="x", angles3d=None, events=[5], keypoints_metres=None, side=3))
        for n in range(4)
    ],
    "fewer places in metres than keypoints": [record(n, person(keypoints_metres=[[1, 2]])) for n in range(4)],
}


@pytest.fixture
def odd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("odd.jsonl").write_text("".join(json.dumps(line) + "\n" for line in ODD[request.param]))
    return "odd.jsonl"


def errors_of(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    code = main(arguments)
    text = capfd.readouterr().err
    assert code in (0, 2, 3), (arguments, text)
    assert "internal error" not in text and "Warning" not in text, (arguments, text)
    return text


@pytest.mark.parametrize("odd", ODD, indirect=True)
def test_no_format_ends_in_an_internal_error(odd: str, capfd: pytest.CaptureFixture[str]) -> None:
    for one in FORMATS:
        if one.write is not None and not one.extra:
            extension = next((e for e in one.extensions if e != "/"), one.usual_extension)
            errors_of(
                ["convert", odd, "--to", one.name, "-o", f"{one.name}{'/' if one.folder else extension}"],
                capfd,
            )


@pytest.mark.parametrize("odd", ODD, indirect=True)
def test_no_verb_ends_in_an_internal_error(odd: str, capfd: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["angles", odd, "--velocity", "--csv", "angles.csv", "--events", "reps"],
        ["convert", odd, "--boxes-from", "body"],
        ["convert", odd, "--skeleton", "halpe26"],
        ["view", odd, "-o", "page.html"],
    ):
        errors_of(arguments, capfd)


@pytest.mark.parametrize("odd", ["an unknown skeleton"], indirect=True)
@pytest.mark.parametrize(
    "verb", [["angles"], ["convert", "--skeleton", "halpe26"], ["convert", "--to", "csv"]]
)
def test_an_unknown_skeleton_of_records_is_bad_data_with_its_place(
    odd: str, verb: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb, odd]) == 3
    assert "walk.mp4, frame 0: no such skeleton 'coco71'; did you mean coco17?" in capfd.readouterr().err


@pytest.mark.parametrize("odd", ["no skeleton"], indirect=True)
def test_a_wide_table_of_records_without_a_skeleton_names_the_remedy(
    odd: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", odd, "--to", "csv-wide"]) == 3
    error = capfd.readouterr().err
    assert "walk.mp4, frame 0: there are keypoints and no 'skeleton'" in error
    assert "rtm convert --source-skeleton NAME" in error
