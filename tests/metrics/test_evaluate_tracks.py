"""Tracks against the truth by the verb: sequences matched by name, boxes and poses, what goes wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from rtmcli import DataError, Frame, Instance
from rtmcli.cli.app import main
from rtmcli.metrics.evaluate_tracks import evaluate_tracks


def frame(
    source: str, number: int, *people: tuple[int, float], poses: bool = False, label: str = "person"
) -> Frame:
    instances = []
    for who, x in people:
        keypoints = np.stack([np.full(17, x), np.arange(17) * 6 + 2.0, np.full(17, 2.0)], axis=1).astype(
            np.float32
        )
        instances.append(
            Instance(
                id=who,
                box=np.array([x - 20, 0, x + 20, 100], np.float32),
                keypoints=keypoints if poses else None,
                label=label,
            )
        )
    return Frame(source, number, skeleton="coco17", instances=instances)


def test_sequences_are_found_by_name_in_the_path_of_the_source() -> None:
    truth = [frame(name, n, (1, 50.0)) for name in ("MOT-01", "MOT-02") for n in range(3)]
    found = [frame(f"videos/{name}.mp4", n, (9, 50.0)) for name in ("MOT-02", "MOT-01") for n in range(3)]
    reports = evaluate_tracks(truth, found)
    assert [report.name for report in reports] == ["MOT-01", "MOT-02", "COMBINED"]
    assert reports[-1].figures()["HOTA"] == pytest.approx(1) and reports[-1].figures()["IDSW"] == 0


def test_a_sequence_without_tracks_is_an_error_that_names_it() -> None:
    truth = [frame(name, 0, (1, 50.0)) for name in ("one", "two")]
    with pytest.raises(DataError, match="no tracks for two"):
        evaluate_tracks(truth, [frame("one", 0, (1, 50.0))])
    with pytest.raises(DataError, match="three fit no sequence"):
        evaluate_tracks(truth, [frame("three", 0, (1, 50.0))])


def test_truth_without_ids_and_ids_twice_are_errors() -> None:
    with pytest.raises(DataError, match="the truth has no ids"):
        evaluate_tracks([Frame("a", 0)], [frame("a", 0, (1, 50.0))])
    with pytest.raises(DataError, match="id 1 occurs twice"):
        evaluate_tracks([frame("a", 0, (1, 50.0))], [frame("a", 0, (1, 50.0), (1, 90.0))])


def test_poses_are_compared_by_oks_where_the_truth_has_keypoints() -> None:
    truth = [frame("a", n, (1, 50.0), poses=True) for n in range(2)]
    near = [frame("a", n, (1, 53.0), poses=True) for n in range(2)]
    figures = evaluate_tracks(truth, near)[0].figures()
    sigmas = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
    oks = np.exp(-(3**2) / (8 * sigmas**2 * 4000)).mean()
    assert figures["MOTP"] == pytest.approx(oks, abs=1e-6)


def test_a_track_on_a_distractor_is_neither_gain_nor_loss() -> None:
    truth = frame("a", 0, (1, 50.0))
    truth.instances += frame("a", 0, (2, 200.0), label="distractor").instances
    figures = evaluate_tracks([truth], [frame("a", 0, (5, 50.0), (6, 201.0))])[0].figures()
    assert figures["MOTA"] == 1 and figures["HOTA"] == pytest.approx(1)


def test_the_verb_reads_motchallenge_and_writes_a_line_per_sequence_and_a_plot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("S1", "S2"):
        (tmp_path / "truth" / name / "gt").mkdir(parents=True)
        rows = "".join(f"{n},1,10,10,40,100,1,1,1\n" for n in range(1, 4))
        (tmp_path / "truth" / name / "gt" / "gt.txt").write_text(rows)
        (tmp_path / f"{name}.txt").write_text(rows.replace(",1,1,1\n", ",0.9,-1,-1,-1\n"))
    arguments = [
        "eval",
        "--tracks",
        str(tmp_path / "truth"),
        str(tmp_path),
        "--plot",
        str(tmp_path / "p.png"),
    ]
    assert main(arguments) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["sequence"] for line in lines] == ["S1", "S2", "COMBINED"]
    assert lines[2]["HOTA"] == 1 and lines[2]["MT"] == 2
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_options_of_images_are_refused_with_tracks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--tracks", "gt.txt", "a.jsonl", "--metric", "pck"]) == 2
    assert "--metric has no effect on tracks" in capsys.readouterr().err


def test_the_verb_gives_trackevals_figures_on_a_real_sequence(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracks = data_dir / "tracks"
    golden = tracks / "golden" / "TUD-Campus_bot.txt"
    assert main(["eval", "--tracks", str(tracks / "TUD-Campus"), str(golden)]) == 0
    line = json.loads(capsys.readouterr().out)
    expected = json.loads((tracks / "golden" / "metrics.json").read_text())["TUD-Campus_bot.txt"]
    assert line["HOTA"] == pytest.approx(expected["HOTA"]["HOTA"], abs=1e-4)
    assert line["IDF1"] == pytest.approx(expected["Identity"]["IDF1"], abs=1e-4)
    assert line["IDSW"] == expected["CLEAR"]["IDSW"]
