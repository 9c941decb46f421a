"""`rtm train` through its own command line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rtmcli.cli.app import main
from rtmcli.networks.checkpoint import read_checkpoint
from rtmcli.opencv import cv2
from rtmcli.training.initialization import save_model
from rtmcli.training.model import make_network
from rtmcli.training.recipe_file import load_recipe, with_values

TOY = ["width=64", "height=64", "batch=4", "epochs=1", "warmup=2"]


def arguments(dots: Path, *more: str) -> list[str]:
    given = ["train", "rtmpose-t", "--data", str(dots / "labels.json"), "--images", str(dots / "images")]
    return [*given, *(word for change in TOY for word in ("--set", change)), *more]


def test_a_set_becomes_a_model_with_a_card_and_the_log_is_json_lines(
    dots: Path, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "run"
    held_out = ["--val", str(dots / "labels.json"), "--val-images", str(dots / "images")]
    assert main(arguments(dots, "--out", str(out), "--every", "1", "--workers", "0", *held_out)) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"epoch", "step", "lr", "loss", "images_per_s", "loader_per_s", "wait"} <= set(lines[0])
    assert 0 < lines[0]["wait"] < 1  # without workers every sample is waited for
    assert lines[0]["images_per_s"] == pytest.approx(lines[0]["wait"] * lines[0]["loader_per_s"], rel=1e-3)
    assert "AP" in lines[-1]
    card = read_checkpoint(out / "rtmpose-t.safetensors").card
    assert card is not None and (card.width, card.height, card.skeleton) == (64, 64, "coco17")
    assert "width = 64" in (out / "recipe.toml").read_text()


def test_quiet_silences_everything_on_stderr_but_errors(dots: Path, tmp_path: Path, capsys) -> None:
    source = tmp_path / "other.safetensors"
    other = with_values(load_recipe("rtmpose-t"), width=96, height=64)
    save_model(make_network(other), other, source)
    out = ["--out", str(tmp_path / "run"), "--workers", "0", "--init", str(source)]
    assert main(["-q", *arguments(dots, *out)]) == 0
    assert capsys.readouterr().err == ""
    assert main(["-q", *arguments(dots, "--freeze", "bones", *out)]) == 2
    assert "no part 'bones'" in capsys.readouterr().err


def test_a_check_lists_faults_and_ends_with_three(dots: Path, capsys) -> None:
    (dots / "images/004.png").unlink()
    assert main(arguments(dots, "--check")) == 3
    out, err = capsys.readouterr()
    assert "004.png" in out and "1 faults" in err


def test_a_batch_is_drawn_to_an_image(dots: Path, tmp_path: Path) -> None:
    assert main(arguments(dots, "--show-batch", str(tmp_path / "batch.png"))) == 0
    assert cv2.imread(str(tmp_path / "batch.png")).shape == (72, 8 * 64, 3)  # 64 pixels and a strip of labels


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["--set", "learning_rate=1"], 2, "a recipe has no 'learning_rate'"),
        (["--freeze", "bones"], 2, "no part 'bones'"),
        (["--ratio", "1", "--ratio", "2"], 2, "1 --data but 2 --ratio"),
        (["--set", "batch=64"], 3, "less than one batch of 64"),
    ],
)
def test_what_cannot_be_trained_is_an_error_with_the_remedy(
    dots: Path, tmp_path: Path, capsys, more: list[str], code: int, words: str
) -> None:
    assert main(arguments(dots, "--out", str(tmp_path / "run"), "--workers", "0", *more)) == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("recipe", ["dwpose-m-1", "dwpose-m-2"])
def test_a_recipe_that_learns_from_a_teacher_asks_for_one(dots: Path, capsys, recipe: str) -> None:
    given = [
        "--data",
        str(dots / "labels.json"),
        "--data-skeleton",
        "coco17",
        "--images",
        str(dots / "images"),
    ]
    assert main(["train", recipe, *given]) == 2
    assert "name it with --teacher MODEL" in capsys.readouterr().err


def test_a_recipe_that_learns_from_labels_alone_takes_no_teacher(dots: Path, tmp_path: Path, capsys) -> None:
    assert main(arguments(dots, "--teacher", str(tmp_path / "any.pth"))) == 2
    assert "leave --teacher out" in capsys.readouterr().err


def test_control_c_saves_and_names_the_way_to_resume(dots: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rtmcli"]
    command += arguments(dots, "--out", str(tmp_path / "run"), "--workers", "0", "--every", "1")
    command += ["--set", "epochs=200"]
    running = subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert running.returncode == -signal.SIGINT
    assert "the same command resumes from it" in err
    assert (tmp_path / "run/last.pt").exists()


def test_the_log_is_kept_in_the_folder_and_drawn(dots: Path, tmp_path: Path, capsys) -> None:
    folder, plot = tmp_path / "run", tmp_path / "curves.png"
    given = arguments(dots, "--out", str(folder), "--every", "1", "--workers", "0", "--plot", str(plot))
    assert main(given) == 0
    assert (folder / "log.jsonl").read_text() == capsys.readouterr().out
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert main([*given[:-1], "curves.xyz"]) == 2
    assert "use .png, .svg or .pdf" in capsys.readouterr().err
