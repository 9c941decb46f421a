"""The bundled models score what their cards say, by the committed script."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rtmcli.inference.open_model import open_model

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "bundled_ap.py"


@pytest.mark.slow
def test_the_bundled_models_score_what_their_cards_say(data_dir):
    run = subprocess.run(
        [sys.executable, SCRIPT, "--data", data_dir], capture_output=True, text=True, check=True
    )
    lines = {line["what"]: line for line in map(json.loads, run.stdout.splitlines())}
    assert lines.keys() == {"keypoints, true boxes", "keypoints, pipeline", "boxes"}
    for name, what in (("rtmpose-t", "keypoints, true boxes"), ("rtmdet-nano", "boxes")):
        card = open_model(name).card
        promised = next(value for value in card.figures.values() if isinstance(value, float))
        assert lines[what]["AP"] == pytest.approx(promised, abs=0.005), card.figures
    assert 0.5 * lines["keypoints, true boxes"]["AP"] < lines["keypoints, pipeline"]["AP"]
