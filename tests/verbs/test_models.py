"""`rtm models` as it is typed: in pipes, on a terminal, and with its defaults."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rtmcli.zoo.catalogue import entries
from rtmcli.zoo.resolve import bundled_names


@pytest.fixture(autouse=True)
def rtm_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def rtm(*arguments: str) -> subprocess.CompletedProcess[str]:
    run = subprocess.run(
        [sys.executable, "-m", "rtmcli", *arguments], capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Traceback" not in run.stderr
    return run


def on_terminal(*arguments: str, columns: int = 120) -> str:
    """What a person sees: standard output is a terminal of its own."""
    import pty

    main, other = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "rtmcli", *arguments], stdout=other, stderr=other, stdin=subprocess.DEVNULL,
        env=environment,
    )  # fmt: skip
    os.close(other)
    seen = b""
    try:
        while block := os.read(main, 4096):
            seen += block
    except OSError:  # the other end is closed
        pass
    os.close(main)
    assert process.wait(60) == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", seen.decode()).replace("\r\n", "\n")


def listed(*arguments: str) -> list[dict[str, Any]]:
    run = rtm("models", *arguments)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_a_pipe_gets_a_line_a_model_and_the_bundled_ones_come_first() -> None:
    lines = listed()
    assert len(lines) == len(entries()) + len(bundled_names())
    assert [line["name"] for line in lines[: len(bundled_names())]] == bundled_names()
    assert all(line["file"] for line in lines[: len(bundled_names())])
    rtmpose = next(line for line in lines if line["name"] == "rtmpose-m-coco17-256x192")
    assert rtmpose["figures"]["COCO AP"] == 0.749
    assert rtmpose["latency"]["ort_cpu_i7_11700"] == 11.06
    assert len(rtmpose["urls"]) == 2 and "file" not in rtmpose


def test_models_of_ones_own_are_listed_and_a_broken_one_hides_nothing(rtm_home: Path) -> None:
    (rtm_home / "models").mkdir(parents=True)
    shutil.copy(str(listed("show", "rtmpose-t")[0]["file"]), rtm_home / "models" / "mine.onnx")
    (rtm_home / "models" / "broken.onnx").write_bytes(b"broken")
    lines = {str(line["name"]): line for line in listed()}
    assert len(lines) == len(entries()) + len(bundled_names()) + 2
    assert lines["mine"]["skeleton"] == "coco17"
    assert "not an ONNX model" in str(lines["broken"]["note"])


def test_filters_go_together() -> None:
    assert {line["subject"] for line in listed("--task", "hand")} == {"hand"}
    assert {line["task"] for line in listed("--task", "onestage")} == {"onestage"}
    assert {line["skeleton"] for line in listed("--skeleton", "wholebody")} == {"coco133"}
    fast = listed("--task", "wholebody", "--max-ms", "20")
    assert [line["name"] for line in fast] == ["dwpose-m-coco133-256x192", "rtmpose-m-coco133-256x192"]
    assert listed("--max-ms", "0.1") == []


def test_a_terminal_gets_a_table() -> None:
    table = on_terminal("models", "--task", "body")
    assert "{" not in table
    line = next(line for line in table.splitlines() if "rtmpose-m-coco17-256x192 " in line)
    assert all(cell in line for cell in ("coco17 ", "13.6M", "0.749  COCO AP", "11.1"))
    assert next(line for line in table.splitlines() if line.startswith("rtmpose-t ")).split()[-1] == "yes"


def test_bundled_models_are_said_to_be_rtms_own_with_the_official_ones() -> None:
    official = {"rtmdet-nano": "rtmdet-nano-person-320x320", "rtmpose-t": "rtmpose-t-coco17-256x192"}
    table = on_terminal("models", "--task", "body") + on_terminal("models", "--task", "person")
    for bundled, published in official.items():
        note = f"rtm's own model, bundled with it. The official {bundled} is {published}."
        assert listed("show", bundled)[0]["note"] == note
        assert f"{bundled}: {note}" in table
        assert published in rtm("models", "pull", bundled).stderr
    assert "rtm's own" not in on_terminal("models", "--task", "hand")


def test_the_line_on_a_terminal_says_that_the_bundled_model_is_not_the_official_one(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 64, 3), np.uint8))
    seen = " ".join(on_terminal("pose", str(tmp_path / "a.png")).split())
    assert "using rtmpose-t, rtm's own small model" in seen
    assert (
        "not the official rtmpose-t-coco17-256x192; 'rtm models pull rtmpose-m' downloads a better one"
        in seen
    )


def test_a_familys_name_shows_its_models() -> None:
    names = [str(line["name"]) for line in listed("show", "RTMO")]
    assert len(names) == 11 and all(name.startswith("rtmo-") for name in names)
    assert "rtmo-s-coco17-640x640 " in on_terminal("models", "show", "rtmo")


def test_a_narrow_terminal_still_shows_whole_names() -> None:
    table = on_terminal("models", columns=80)
    assert all(name in table for name in entries())
    assert max(map(len, table.splitlines())) <= 80


def test_a_terminal_gets_a_sheet_with_whole_addresses() -> None:
    sheet = on_terminal("models", "show", "rtmw-x", columns=100)
    assert "wrong keypoint" in " ".join(sheet.split())
    address = "https://download.openmmlab.com/mmpose/v1/projects/rtmw/rtmw-x_simcc-cocktail14_pt-ucoco_270e-256x192-13a2546d_20231208.pth"
    assert address in "".join(sheet.split())


def test_show_tells_of_a_bundled_model_a_published_one_and_a_file() -> None:
    assert listed("show", "rtmpose-t")[0]["bundled"] is True
    assert listed("show", "rtmpose-m")[0]["name"] == "rtmpose-m-coco17-256x192"
    file = str(listed("show", "rtmpose-t")[0]["file"])
    assert listed("show", file)[0]["task"] == "topdown"


def test_show_tells_the_same_of_a_published_model_that_is_installed(rtm_home: Path, tmp_path: Path) -> None:
    (before,) = listed("show", "rtmpose-m")
    installed = rtm_home / "models" / f"{before['name']}.onnx"
    installed.parent.mkdir(parents=True)
    installed.write_bytes(b"model")
    for name in ("rtmpose-m", str(before["name"])):
        assert listed("show", name) == [before | {"file": str(installed)}]


def test_show_has_the_known_hashes_with_who_states_them() -> None:
    hashes = listed("show", "rtmpose-m")[0]["hashes"]
    assert [text.split(" ", 1)[1] for text in hashes.values()] == [
        "(public download records on GitHub)",
        "(its publisher)",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "rtmpose-mm"], 4, "no such model 'rtmpose-mm'; did you mean rtmpose-m?"),
        (["pull", "rtmpose"], 4, "'rtmpose' is a family of models; name one of rtmpose-tiny, rtmpose-s"),
        (["pull", "rtmo-z"], 4, "no such model 'rtmo-z'; rtmo comes as rtmo-t, rtmo-s"),
        (["pull"], 2, "no model named"),
        (["rtmpose-m"], 2, "no such command 'rtmpose-m'; 'rtm models show rtmpose-m' shows a model"),
        (["bundle", "rtmpose-m"], 2, "needs names and a file"),
        (["bundle", "--from", "nowhere.tar"], 4, "no file 'nowhere.tar'"),
        (["--task", "dancing"], 2, "no model has the task or subject 'dancing'; expected one of"),
        (["--skeleton", "coco71"], 2, "no such skeleton"),
        (["use", "rtmpose-m"], 4, "'rtm models pull rtmpose-m' downloads it"),
        (["convert", "nowhere.pth", "-o", "a.onnx"], 4, "no checkpoint 'nowhere.pth'"),
        (["convert", "a.pth", "-o", "a.onnx", "--input-size", "large"], 2, "is not a size"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments: list[str], code: int, said: str) -> None:
    run = rtm("models", *arguments)
    assert run.returncode == code
    assert said in run.stderr and run.stderr.startswith("rtm models: ") and run.stderr.count("\n") == 1
    assert run.stdout == ""


def test_pulling_a_bundled_model_needs_no_network() -> None:
    run = rtm("models", "pull", "rtmpose-t")
    assert run.returncode == 0
    assert "is bundled with rtm" in run.stderr
    assert json.loads(run.stdout)["file"].endswith("rtmpose-t.onnx")
    assert rtm("models", "pull", "-q", "rtmpose-t").stderr == ""


def test_a_default_is_written_beside_what_stands_there(rtm_home: Path) -> None:
    rtm_home.mkdir()
    place = rtm_home / "config.toml"
    mine = '# mine\nthreads = 1\n[pose]\n# the old one\nmodel = "old"  # gone\ndet-every = 5\n'
    place.write_text(mine + '[bench]\nmodel = "x"\n')
    assert rtm("models", "use", "rtmpose-t").returncode == 0
    assert rtm("models", "use", "rtmdet-nano").returncode == 0
    text = place.read_text()
    assert text.startswith("# mine\nthreads = 1\n[pose]\n") and "# the old one" in text
    assert tomllib.loads(text) == {
        "threads": 1,
        "pose": {"model": "rtmpose-t", "det-every": 5, "detector": "rtmdet-nano"},
        "bench": {"model": "x"},
        "detect": {"detector": "rtmdet-nano"},
    }


def test_a_default_is_the_one_that_pose_takes(rtm_home: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), np.zeros((8, 8, 3), np.uint8))
    rtm_home.mkdir()
    (rtm_home / "config.toml").write_text('[pose]\nmodel = "rtmo-l"\n')
    run = rtm("pose", str(picture))
    assert run.returncode == 4 and "'rtm models pull rtmo-l' downloads it" in run.stderr


@pytest.mark.parametrize(
    ("text", "said"), [("pose = 3\n", "[pose] is not a table"), ("[pose\n", "is not TOML")]
)
def test_a_configuration_that_cannot_hold_a_default_is_left_alone(
    text: str, said: str, rtm_home: Path
) -> None:
    rtm_home.mkdir()
    (rtm_home / "config.toml").write_text(text)
    run = rtm("models", "use", "rtmpose-t")
    assert run.returncode == 2 and said in run.stderr
    assert (rtm_home / "config.toml").read_text() == text


def test_verify_tells_what_changed(rtm_home: Path) -> None:
    assert rtm("models", "verify").stdout == ""
    (rtm_home / "models").mkdir(parents=True)
    (rtm_home / "models" / "mine.onnx").write_bytes(b"mine")
    (rtm_home / "lock.toml").write_text('[models."rtmpose-m.onnx"]\nsha256 = "00"\nsize = 1\n')
    run = rtm("models", "verify")
    assert {Path(line["file"]).name: line["state"] for line in map(json.loads, run.stdout.splitlines())} == {
        "mine.onnx": "unrecorded",
        "rtmpose-m.onnx": "missing",
    }
    assert run.returncode == 3 and "rtmpose-m.onnx" in run.stderr


def test_listing_imports_no_runtime() -> None:
    script = (
        "from rtmcli.cli.app import main; assert main(['models']) == 0\n"
        "import sys; assert not {'cv2', 'torch', 'onnxruntime', 'av', 'rich', 'numpy'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
