"""`rtm models show` finds models by the names that people type, and never hints at another network.

These spellings were unknown, or got a hint at a model of another family, size or training set.
"""

import json
from pathlib import Path

import pytest

from rtmcli.cli.app import main


@pytest.fixture(autouse=True)
def rtm_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("RTMPose-M", "rtmpose-m-coco17-256x192"),
        ("yolox_m", "yolox-m-humanart-640x640"),
        ("halpe26", "rtmpose-m-halpe26-256x192"),
        ("body_with_feet", "rtmpose-m-halpe26-256x192"),
        ("COCO_133", "rtmw-m-coco133-256x192"),
        ("HAND", "rtmpose-m-hand21-256x256"),
        # Was hinted at the model of seven training sets.
        ("rtmpose-m_8xb256-420e_coco-256x192", "rtmpose-m-coco17-256x192-coco"),
        # Was hinted at RTMDet-nano.
        ("rtmdet_m_640-8xb32_coco-person", "rtmdet-m-person-640x640"),
        ("rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504.pth", "rtmpose-m-coco17-256x192"),
        ("RTMPose-T", "rtmpose-t"),
    ],
)
def test_a_name_as_people_type_it_is_found(typed: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", typed]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == name


def test_a_family_name_lists_its_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    """It was hinted at rtmpose-x."""
    assert main(["models", "show", "rtmpose"]) == 0
    sizes = {json.loads(line)["size"] for line in capsys.readouterr().out.splitlines()}
    assert sizes == {"t", "s", "m", "l", "x"}


def test_an_unknown_size_gets_no_hint_at_another_one(capsys: pytest.CaptureFixture[str]) -> None:
    """It was hinted at rtmw-x."""
    assert main(["models", "show", "rtmw-s"]) == 4
    said = capsys.readouterr().err
    assert said == (
        "rtm models: no such model 'rtmw-s'; rtmw comes as rtmw-m, rtmw-l, rtmw-x; 'rtm models' lists them\n"
    )


@pytest.mark.parametrize("typed", ["vitpose-b", "yolo-m", "coco18"])
def test_a_name_of_nothing_here_gets_no_hint(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", typed]) == 4
    assert "did you mean" not in capsys.readouterr().err
