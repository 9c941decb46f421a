"""C3D files: units, axes, rate, frame numbers, missing markers, and files of other programs."""

from pathlib import Path

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError
from rtmcli.formats.c3d import read_c3d, write_c3d
from rtmcli.formats.marker_names import marker_names
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import read_frames, write_frames
from tests.formats.test_trc import walk

ezc3d = pytest.importorskip("ezc3d", reason="the extra c3d is not installed")


@pytest.mark.parametrize("pixels", [True, False])
def test_points_ids_times_and_frame_numbers_come_back(pixels: bool, tmp_path: Path) -> None:
    frames = walk()
    for frame in frames:
        frame.frame += 50
        frame.time = frame.frame / 29.97
    write_frames(frames, tmp_path / "in.jsonl")
    flags = ["--pixels"] * pixels
    assert main(["convert", str(tmp_path / "in.jsonl"), "--to", "c3d", "-o", f"{tmp_path}/c", *flags]) == 0
    names = [f"halpe26{'_px' * pixels}_person{n}.c3d" for n in (3, 4)]
    assert sorted(file.name for file in (tmp_path / "c").iterdir()) == names
    assert main(["convert", f"{tmp_path}/c", "-o", str(tmp_path / "again.jsonl")]) == 0
    again = list(read_frames(tmp_path / "again.jsonl"))
    assert [frame.frame for frame in again] == [50, 51, 52]
    assert [frame.time for frame in again] == pytest.approx([frame.time for frame in frames], abs=1e-12)
    for before, after in zip(frames, again, strict=True):
        assert [one.id for one in after.instances] == [one.id for one in before.instances]
        for one, other in zip(before.instances, after.instances, strict=True):
            own, read = (one.keypoints, other.keypoints) if pixels else (one.keypoints3d, other.keypoints3d)
            np.testing.assert_array_equal(read, own)


def test_a_file_has_labels_unit_and_rate(tmp_path: Path) -> None:
    write_c3d(walk(people=1), str(tmp_path / "a.c3d"))
    document = ezc3d.c3d(str(tmp_path / "a.c3d"))
    points = document["parameters"]["POINT"]
    assert tuple(points["LABELS"]["value"]) == marker_names("halpe26")
    assert (points["UNITS"]["value"], points["RATE"]["value"]) == (["m"], [25])
    assert document["header"]["points"]["first_frame"] == 0


def test_uneven_times_are_noted(tmp_path: Path) -> None:
    notes: list[str] = []
    frames = walk(people=1)
    frames[1].time = 0.05
    write_c3d(frames, str(tmp_path / "a.c3d"), note=notes.append)
    assert notes == ["clips/halpe26.mp4: its times are uneven, and c3d holds their mean rate alone"]


def test_millimetres_of_other_programs_become_metres(tmp_path: Path) -> None:
    document = ezc3d.c3d()
    document["parameters"]["POINT"]["RATE"]["value"] = [100]
    document["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    document["parameters"]["POINT"]["LABELS"]["value"] = ("RHip", "Neck")
    points = np.ones((4, 2, 3))
    points[:3, 0] = [[100], [900], [-50]]
    points[:3, 1, 1] = np.nan
    document["data"]["points"] = points
    document.write(str(tmp_path / "lab_person2.c3d"))
    frames = list(read_c3d(str(tmp_path)))
    assert [(f.source, f.frame, f.time, f.skeleton) for f in frames] == [
        ("lab", n, n / 100, "halpe26") for n in range(3)
    ]
    names = marker_names("halpe26")
    points3d = [frame.instances[0].keypoints3d for frame in frames]
    assert all(frame.instances[0].id == 2 for frame in frames)
    np.testing.assert_allclose(points3d[1][names.index("RHip")], [0.1, -0.9, 0.05, 1], rtol=1e-6)
    assert [np.isnan(one[names.index("Neck")]).all() for one in points3d] == [False, True, False]


def test_what_the_sixteen_bits_of_the_header_cannot_count_is_noted_or_an_error(tmp_path: Path) -> None:
    notes: list[str] = []
    frames = walk(people=1)
    for frame in frames:
        frame.time = 3000 + frame.frame / 25
    write_c3d(frames, str(tmp_path / "a.c3d"), note=notes.append)
    assert notes == ["clips/halpe26.mp4: its frames are numbered from 0, because c3d counts up to 65535"]
    assert [frame.frame for frame in read_c3d(str(tmp_path / "a.c3d"))] == [0, 1, 2]
    long = [Frame("long", n, time=n / 30) for n in range(65536)]
    one = Instance(id=1, keypoints3d=np.ones((17, 4), np.float32))
    long[0] = Frame("long", 0, time=0.0, skeleton="coco17", instances=[one])
    with pytest.raises(DataError, match="long has 65536 frames, and c3d holds 65535; convert parts of it"):
        write_c3d(long, str(tmp_path / "b.c3d"))


@pytest.mark.parametrize("content", [b"", b"\x02P" + b"\0" * 600, b"text"])
def test_a_file_of_another_form_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.c3d").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.c3d: (not a C3D file of points|expected points with names)"):
        list(read_c3d(str(tmp_path / "a.c3d")))
    with pytest.raises(DataError, match="no such file"):
        list(read_c3d(str(tmp_path / "b.c3d")))
