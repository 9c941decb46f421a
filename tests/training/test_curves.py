"""The curves of a training's log."""

import json
from pathlib import Path

import pytest

from rtmcli.errors import UsageError
from rtmcli.training.curves import _curves, plot_curves

LINES = [
    {"epoch": 0, "step": 5, "lr": 0.1, "loss": 2.0, "loss_kpt": 1.5, "images_per_s": 9, "wait": 0.1},
    {"epoch": 0, "step": 10, "lr": 0.2, "loss": 1.0, "loss_kpt": 0.5, "images_per_s": 9, "wait": 0.1},
    {"epoch": 1, "step": 10, "lr": 0.2, "AP": 0.3, "AP50": None},
    {"epoch": 0, "step": 10, "lr": 0.2, "loss": 0.9, "loss_kpt": None},
]


def test_terms_validation_and_rate_are_told_apart_and_the_last_line_of_a_step_counts() -> None:
    terms, validation, rates = _curves(LINES)
    assert terms == {"loss": {5: 2.0, 10: 0.9}, "loss_kpt": {5: 1.5, 10: 0.5}}
    assert validation == {"AP": {10: 0.3}} and rates == {"lr": {5: 0.1, 10: 0.2}}


def test_the_curves_are_an_image(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    plot_curves(tmp_path / "log.jsonl", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UsageError, match="cannot write"):
        plot_curves(tmp_path / "log.jsonl", tmp_path / "curves.xyz")
