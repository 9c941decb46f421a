"""Motion capture files as other programs' own readers see them, where these programs are installed.

docs/formats.md, "Read by other programs", says with which versions these tests ran.
"""

from pathlib import Path

import numpy as np
import pytest

from rtmcli.formats.c3d import write_c3d
from rtmcli.formats.marker_names import marker_names
from rtmcli.formats.opensim_motion import write_opensim_motion
from rtmcli.formats.trc import write_trc
from rtmcli.kinematics.measure import JointAngles
from rtmcli.records.frame import Frame, Instance
from tests.helpers.figures import figure, in_image, in_space

NAMES = marker_names("halpe26")
ROWS = 12


def walk() -> list[Frame]:
    """Two figures in the image and in space at 25 frames a second; the second is absent from frame 1."""
    frames = []
    for number in range(ROWS):
        people = []
        for person in (1, 2)[: 1 if number == 1 else 2]:
            points = {
                name: point * (1 + 0.01 * number) + 0.3 * person
                for name, point in figure(lean=number).items()
            }
            people.append(
                Instance(
                    id=person, keypoints=in_image(points, "halpe26"), keypoints3d=in_space(points, "halpe26")
                )
            )
        frames.append(Frame("walk.mp4", number, time=number / 25, skeleton="halpe26", instances=people))
    return frames


def expected(person: int, pixels: bool) -> np.ndarray:
    """(rows, markers, 3) what the files must say."""
    found = np.full((ROWS, len(NAMES), 3), np.nan)
    for frame in walk():
        for one in frame.instances:
            if one.id == person and one.keypoints is not None and one.keypoints3d is not None:
                flat = np.concatenate([one.keypoints[:, :2], 0 * one.keypoints[:, :1]], axis=1)
                found[frame.frame] = flat if pixels else one.keypoints3d[:, :3] * [1, -1, -1]
    return found


@pytest.fixture(params=[True, False], ids=["pixels", "metres"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[bool, list[Path]]:
    """Whether they are in pixels, and the files of persons 1 and 2."""
    write_trc(walk(), str(tmp_path), pixels=request.param)
    return request.param, sorted(tmp_path.glob("*.trc"))


def check_points(found: np.ndarray, person: int, pixels: bool) -> None:
    np.testing.assert_array_equal(found.astype(np.float32), expected(person, pixels).astype(np.float32))


@pytest.mark.parametrize(
    ("skeleton", "theirs"),
    [
        ("halpe26", "HALPE_26"),
        ("coco17", "COCO_17"),
        ("coco133", "COCO_133"),
        ("openpose25", "BODY_25"),
        ("halpe136", "HALPE_136"),
    ],
)
def test_markers_have_the_names_of_pose2sims_skeletons(skeleton: str, theirs: str) -> None:
    skeletons = pytest.importorskip("Pose2Sim.skeletons")
    root = getattr(skeletons, theirs)
    nodes = {node.id: node.name for node in (root, *root.descendants) if node.id is not None}
    names = marker_names(skeleton)
    assert len(nodes) >= 13
    assert {index: names[index] for index in nodes} == nodes


def test_opensim_reads_the_markers(files: tuple[bool, list[Path]]) -> None:
    opensim = pytest.importorskip("opensim")
    for person, file in enumerate(files[1], 1):
        table = opensim.TimeSeriesTableVec3(str(file))
        assert table.getColumnLabels() == NAMES
        np.testing.assert_array_equal(table.getIndependentColumn(), np.arange(ROWS) / 25)
        matrix = [
            [[vector[axis] for axis in range(3)] for vector in (row[n] for n in range(len(NAMES)))]
            for row in (table.getRowAtIndex(i) for i in range(ROWS))
        ]
        check_points(np.array(matrix), person, files[0])


def test_pose2sim_reads_the_markers(files: tuple[bool, list[Path]]) -> None:
    common = pytest.importorskip("Pose2Sim.common")
    for person, file in enumerate(files[1], 1):
        points, frames, times, markers, _ = common.read_trc(file)
        assert tuple(markers) == NAMES and frames.tolist() == list(range(ROWS))
        np.testing.assert_array_equal(times, np.arange(ROWS) / 25)
        check_points(points.to_numpy().reshape(ROWS, -1, 3), person, files[0])
        markers, rows = common.extract_trc_data(file)
        assert tuple(markers) == NAMES
        check_points(rows[:, 1:].reshape(ROWS, -1, 3), person, files[0])


def test_sports2d_reads_the_pixels_as_they_are(tmp_path: Path) -> None:
    process = pytest.importorskip("Sports2D.process")
    write_trc(walk(), str(tmp_path), pixels=True)
    for person, file in enumerate(sorted(tmp_path.glob("*.trc")), 1):
        assert "_px" in file.name  # by which Sports2D tells that it is in pixels
        points, _, _, markers, _ = process.read_trc(file)
        keypoints, scores = process.load_pose_file(points)  # (T, 1, M, 2), (T, 1, M)
        assert tuple(markers) == NAMES and (scores == 1).all()
        found = np.pad(keypoints[:, 0], ((0, 0), (0, 0), (0, 1)))  # z is left out there
        found[np.isnan(found[..., 0])] = np.nan
        check_points(found, person, True)


@pytest.mark.parametrize("pixels", [True, False])
@pytest.mark.filterwarnings("ignore:No analog data")
def test_the_c3d_and_ezc3d_packages_read_the_markers(pixels: bool, tmp_path: Path) -> None:
    ezc3d, c3d = pytest.importorskip("ezc3d"), pytest.importorskip("c3d")
    write_c3d(walk(), str(tmp_path), pixels=pixels)
    for person, file in enumerate(sorted(tmp_path.glob("*.c3d")), 1):
        document = ezc3d.c3d(str(file))
        assert tuple(document["parameters"]["POINT"]["LABELS"]["value"]) == NAMES
        check_points(document["data"]["points"][:3].transpose(2, 1, 0), person, pixels)
        with file.open("rb") as stream:
            reader = c3d.Reader(stream)
            assert tuple(label.strip() for label in reader.point_labels) == NAMES
            assert (reader.point_rate, reader.first_frame, reader.last_frame) == (25, 1, ROWS)
            rows = np.stack([points for _, points, _ in reader.read_frames()])  # (T, M, 5)
        rows[rows[..., 3] < 0] = np.nan  # the residual of a missing marker is -1
        check_points(rows[..., :3], person, pixels)


def test_opensim_and_pose2sim_read_the_motion(tmp_path: Path) -> None:
    opensim, common = pytest.importorskip("opensim"), pytest.importorskip("Pose2Sim.common")
    measured = [JointAngles()(frame) for frame in walk()]
    write_opensim_motion(measured, tmp_path)
    for person in (1, 2):
        seen = [(f.time, one.extra["angles"]) for f in measured for one in f.instances if one.id == person]
        file = tmp_path / f"walk_person{person}.mot"
        table = opensim.TimeSeriesTable(str(file))
        data, times, _ = common.read_mot(str(file))
        names = list(seen[0][1])
        assert list(table.getColumnLabels()) == list(data.columns) == names
        assert list(table.getIndependentColumn()) == times.tolist() == [time for time, _ in seen]
        values = np.array([[angles[name] for name in names] for _, angles in seen], np.float32)
        np.testing.assert_array_equal(data.to_numpy().astype(np.float32), values)
        np.testing.assert_array_equal(table.getMatrix().to_numpy().astype(np.float32), values)
