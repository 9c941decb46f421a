"""HOTA, CLEAR and identity metrics: by hand, and equal to TrackEval's on real sequences."""

import json
from pathlib import Path

import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.geometry.boxes import iou_matrix
from rtmcli.metrics.clear import clear, combine_clear
from rtmcli.metrics.hota import combine_hota, hota
from rtmcli.metrics.identity import combine_identity, identity
from rtmcli.metrics.tracks import TrackSequence, make_sequence


def one_person(ids: list[int | None]) -> TrackSequence:
    """One true person, found perfectly in each frame under these ids; None is a miss."""
    return make_sequence(
        "a",
        [([7], [i for i in [found] if i is not None], np.ones((1, int(found is not None)))) for found in ids],
    )


def test_a_perfect_track_scores_one() -> None:
    sequence = one_person([3, 3, 3, 3])
    assert hota(sequence).figures() == pytest.approx(dict.fromkeys(hota(sequence).figures(), 1.0))
    assert identity(sequence).figures()["IDF1"] == 1
    assert clear(sequence).figures()["MOTA"] == 1


def test_one_switch_in_the_middle_by_hand() -> None:
    sequence = one_person([1, 1, 2, 2])
    # each match shares 2 of 4 frames with its true track: A = 2 / (4 + 2 - 2)
    assert hota(sequence).figures()["AssA"] == pytest.approx(0.5)
    assert hota(sequence).figures()["HOTA"] == pytest.approx(0.5**0.5)
    assert (identity(sequence).tp, identity(sequence).fn, identity(sequence).fp) == (2, 2, 2)
    figures = clear(sequence).figures()
    assert figures["IDSW"] == 1 and figures["MOTA"] == pytest.approx(0.75) and figures["MT"] == 1


def test_a_gap_beside_somebody_who_stays_is_a_fragment() -> None:
    both, one = ([7, 8], [1, 2], np.eye(2)), ([7, 8], [2], np.array([[0.0], [1.0]]))
    figures = clear(make_sequence("a", [both, one, one, one, both])).figures()
    assert figures["Frag"] == 1 and figures["CLR_Re"] == pytest.approx(0.7)
    assert (figures["MT"], figures["PT"], figures["ML"]) == (1, 1, 0)


def test_sequences_together_weigh_by_their_detections() -> None:
    parts = [one_person([1, 1, 1]), one_person([1, 2])]
    assert combine_clear([clear(p) for p in parts]).figures()["IDSW"] == 1
    assert combine_identity([identity(p) for p in parts]).figures()["IDF1"] == pytest.approx(4 / 5)
    expected = (3 * 1 + 2 * 0.5) / 5
    assert combine_hota([hota(p) for p in parts]).figures()["AssA"] == pytest.approx(expected)


def test_an_id_twice_in_a_frame_is_an_error() -> None:
    with pytest.raises(DataError, match="frame 0: id 4 occurs twice in the tracks"):
        make_sequence("a", [([1], [4, 4], np.ones((1, 2)))])


GOLDEN = ("MOT17-02_oc.txt", "MOT17-05_byte.txt", "MOT17-05_sort.txt", "TUD-Campus_bot.txt")


@pytest.mark.parametrize("name", GOLDEN)
def test_figures_equal_those_of_trackeval(data_dir: Path, name: str) -> None:
    folder = data_dir / "tracks"
    expected = json.loads((folder / "golden" / "metrics.json").read_text())[name]
    truth = np.loadtxt(folder / expected["sequence"] / "gt.txt", delimiter=",")
    found = np.loadtxt(folder / "golden" / name, delimiter=",")
    frames = []
    for number in range(1, int(truth[:, 0].max()) + 1):
        a, b = truth[truth[:, 0] == number], found[found[:, 0] == number]
        boxes = [np.concatenate([part[:, 2:4], part[:, 2:4] + part[:, 4:6]], axis=1) for part in (a, b)]
        frames.append((a[:, 1].astype(int).tolist(), b[:, 1].astype(int).tolist(), iou_matrix(*boxes)))
    sequence = make_sequence(name, frames)
    for group, figures in (
        ("HOTA", hota(sequence).figures()),
        ("CLEAR", clear(sequence).figures()),
        ("Identity", identity(sequence).figures()),
    ):
        for key, value in figures.items():
            assert value == pytest.approx(expected[group][key], abs=1e-4), key
    curve = hota(sequence)
    assert curve.ass_a == pytest.approx(np.array(expected["HOTA"]["AssA_array"]), abs=1e-4)
    assert curve.tp == pytest.approx(np.array(expected["HOTA"]["HOTA_TP_array"]))
