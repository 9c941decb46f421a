"""The scripts of docs/python.md run as they stand, and type checkers accept them."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli import open_media
from tests.helpers.examples import code_blocks

REPOSITORY = Path(__file__).parent.parent
CAMERA, IMAGES, BOXES, TABLE, DRAWING = code_blocks(
    (REPOSITORY / "docs" / "python.md").read_text(), {"python"}
)


def run(
    script: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> str:
    """Run a script in a folder; returns what it prints."""
    monkeypatch.chdir(folder)
    exec(compile(script, "script.py", "exec"), {"__name__": "__main__"})
    return capsys.readouterr().out


def test_the_camera_loop_shows_people_until_q(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[np.ndarray] = []
    # There is neither a camera nor a display here: the demo clip, and a list of what would be shown.
    monkeypatch.setattr(cv2, "imshow", lambda name, image: shown.append(image.copy()))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: ord("q") if len(shown) == 12 else -1)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    assert 'open_media("0")' in CAMERA
    run(CAMERA.replace('open_media("0")', 'open_media("demo")'), tmp_path, capsys, monkeypatch)
    assert len(shown) == 12
    plain = [picture.image for picture in open_media("demo", max_frames=12)]
    assert (shown[-1] != plain[-1]).any(axis=-1).sum() > 500  # limbs and boxes are drawn


def test_an_image_gives_the_noses_of_its_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (picture,) = open_media("demo", max_frames=1)
    cv2.imwrite(str(tmp_path / "people.jpg"), picture.image)
    lines = run(IMAGES, tmp_path, capsys, monkeypatch).splitlines()
    assert len(lines) >= 1 and all(line.startswith("a nose at ") for line in lines)


def test_own_boxes_give_poses_and_reversed_ones_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, error = run(BOXES, tmp_path, capsys, monkeypatch).splitlines()
    assert first.startswith("[ 40  30 280 350] ") and second.endswith(" keypoints found")
    assert error.startswith("box 0 is [280.0, 30.0, 40.0, 350.0]: x2 must exceed x1")


def test_records_become_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pandas", reason="the extra pandas is not installed")
    pytest.importorskip("pyarrow", reason="the extra pandas is not installed")
    out = run(TABLE, tmp_path, capsys, monkeypatch)
    assert len((tmp_path / "demo.jsonl").read_text().splitlines()) == 50
    assert "left_shoulder" in out and "Name: the nose's path in pixels" in out


def test_own_drawing_becomes_a_video(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(DRAWING, tmp_path, capsys, monkeypatch)
    drawn = [picture.image for picture in open_media(str(tmp_path / "drawn.mp4"))]
    assert len(drawn) == 25
    assert (drawn[-1].min(axis=-1) < 200).sum() > 200 and (drawn[-1] > 240).all(axis=-1).mean() > 0.5


@pytest.mark.slow
def test_type_checkers_see_the_whole_library_in_the_scripts(tmp_path: Path) -> None:
    """In strict mode and with no more than the library's own types; a wrong use of them is an error."""
    for name, script in (
        ("camera", CAMERA), ("images", IMAGES), ("boxes", BOXES), ("table", TABLE), ("drawing", DRAWING),
        ("wrong", "from rtmcli import TopDown\n\npose = TopDown()\npose(3, 4).keypoints\n"),
    ):  # fmt: skip
        (tmp_path / f"{name}.py").write_text(script)
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nstrict = true\n[mypy-pandas.*]\nignore_missing_imports = true\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        "mypy.ini",
        *sorted(p.name for p in tmp_path.glob("*.py")),
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"MYPYPATH": "", "PYTHONPATH": str(REPOSITORY)},
    )
    assert {line.partition(":")[0] for line in done.stdout.splitlines()[:-1]} == {"wrong.py"}, (
        done.stdout + done.stderr
    )
