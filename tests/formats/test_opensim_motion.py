"""OpenSim's motion files of angles."""

from pathlib import Path

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError
from rtmcli.formats.opensim_motion import write_opensim_motion
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import write_frames


def walk() -> list[Frame]:
    """Two people; the second has no knee angle in one of three frames."""
    frames = []
    for number in range(3):
        first = {"right_knee": np.float32(10.1 + number), "trunk": np.float32(85.25)}
        second = (
            {"trunk": np.float32(-7.5)}
            if number == 1
            else {"right_knee": np.float32(1.5), "trunk": np.float32(2)}
        )
        people = [Instance(id=1, extra={"angles": first}), Instance(id=5, extra={"angles": second})]
        frames.append(Frame("clips/walk.mp4", number, time=number / 25, instances=people))
    return frames


def read_motion(path: Path) -> tuple[dict[str, str], list[str], np.ndarray]:
    """Header, column names and values (rows, columns) of a file."""
    head, body = path.read_text().split("endheader\n")
    header = dict(line.split("=") for line in head.splitlines()[1:])
    names, *rows = body.splitlines()
    return header, names.split("\t"), np.array([[float(v) for v in row.split("\t")] for row in rows])


def test_each_person_has_a_file_with_the_same_values(tmp_path: Path) -> None:
    write_frames(walk(), tmp_path / "in.jsonl")
    folder = tmp_path / "out"
    assert main(["convert", str(tmp_path / "in.jsonl"), "--to", "opensim-mot", "-o", str(folder)]) == 0
    assert sorted(file.name for file in folder.iterdir()) == ["walk_person1.mot", "walk_person5.mot"]
    header, names, values = read_motion(folder / "walk_person1.mot")
    assert header == {"version": "1", "nRows": "3", "nColumns": "3", "inDegrees": "yes"}
    assert names == ["time", "right_knee", "trunk"]
    np.testing.assert_allclose(
        values, [[0, 10.1, 85.25], [0.04, 11.1, 85.25], [0.08, 12.1, 85.25]], rtol=1e-7
    )
    _, names, values = read_motion(folder / "walk_person5.mot")
    np.testing.assert_array_equal(values[:, names.index("right_knee")], [1.5, np.nan, 1.5])
    np.testing.assert_array_equal(values[:, names.index("trunk")], [2, -7.5, 2])


def test_what_a_motion_cannot_hold_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run 'rtm track' and 'rtm angles' first"):
        write_opensim_motion([Frame("a", 0, instances=[Instance(id=1)])], tmp_path / "none")
    with pytest.raises(DataError, match=r"must increase, got 0 after 0\.08 seconds"):
        write_opensim_motion(walk() + walk(), tmp_path / "twice")
    other = walk()
    for frame in other:
        frame.source = "b/walk.mp4"
    with pytest.raises(DataError, match=r"would both be walk_person1\.mot; convert them to two folders"):
        write_opensim_motion(walk() + other, tmp_path / "two")
    assert not list(tmp_path.iterdir())


def test_a_motion_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "--from", "opensim-mot", str(tmp_path)]) == 2
    assert "rtm writes opensim-mot and does not read it" in capsys.readouterr().err
