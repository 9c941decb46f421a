"""DeepLabCut's tables, in CSV and HDF5, and the programs that read them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.errors import DataError
from rtmcli.formats.dlc import read_dlc, write_dlc
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import encode_frame
from rtmcli.skeletons import load_skeleton
from tests.helpers.pose_records import clip

NAMES = load_skeleton("coco17").keypoints


def held(frames: list[Frame]) -> list[bytes]:
    """What a table holds of records: frame numbers, ids, keypoints with scores."""
    for frame in frames:
        frame.source = "walk"
        frame.frames = frame.time = frame.width = frame.height = frame.model = None
        frame.skeleton = frame.skeleton if frame.instances else None
        for one in frame.instances:
            one.box = one.score = one.label = None
    return [encode_frame(frame) for frame in frames]


def without_ids(frames: list[Frame]) -> list[Frame]:
    for one in [one for frame in frames for one in frame.instances]:
        one.id = None
    return frames


@pytest.fixture(params=["csv", "h5"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file to write, as CSV and as HDF5."""
    if request.param == "h5":
        pytest.importorskip("tables")
    return tmp_path / f"walk.{request.param}"


@pytest.mark.parametrize("skeleton", ["coco17", "coco133"])
def test_what_a_table_holds_comes_back(path: Path, skeleton: str) -> None:
    frames = clip(skeleton, people=(1, 0, 2, 1))
    for frame in frames:
        frame.frame *= 5
    assert write_dlc(frames, path) == 4
    assert held(list(read_dlc(path))) == held(frames)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), people=st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(any))
def test_csv_keeps_every_number(
    seed: int, people: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("out") / "walk.csv"
    write_dlc(clip("halpe26", seed=seed, people=people), path)
    assert held(list(read_dlc(path))) == held(clip("halpe26", seed=seed, people=people))


def test_a_person_alone_is_a_table_without_individuals(path: Path) -> None:
    frames = without_ids(clip(people=(1, 0, 1)))
    write_dlc(frames, path)
    if path.suffix == ".csv":
        assert [line.split(",")[0] for line in path.read_text().splitlines()[:4]] == [
            "scorer", "bodyparts", "coords", "0",
        ]  # fmt: skip
    assert held(list(read_dlc(path))) == held(frames)


def test_scores_are_clipped_and_people_without_an_id_are_noted(path: Path) -> None:
    frames = clip(people=(2, 2))
    assert frames[0].instances[0].keypoints is not None
    frames[0].instances[0].keypoints[:2, 2] = [1.25, -0.5]
    frames[1].instances[1].id = None
    said: list[str] = []
    write_dlc(frames, path, note=said.append)
    assert said == ["walk.mp4: people without an id are left out; run 'rtm track' first"]
    first, second = read_dlc(path)
    assert first.instances[0].keypoints is not None
    assert first.instances[0].keypoints[:2, 2].tolist() == [1, 0]
    assert [one.id for one in second.instances] == [3]


def test_one_source_with_a_skeleton_is_a_table(path: Path) -> None:
    with pytest.raises(DataError, match=r"got walk.mp4 and b.mp4: convert each alone"):
        write_dlc([*clip(), *clip(source="b.mp4")], path)
    with pytest.raises(DataError, match="comes after frame 2"):
        write_dlc([*clip(), *clip()], path)
    with pytest.raises(DataError, match="run 'rtm track' first"):
        write_dlc(without_ids(clip(people=(2,))), path)


def test_a_crowd_is_no_table(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtmcli.formats.dlc._MOST_CELLS", 3 * 2 * 17 * 3 - 1)
    with pytest.raises(
        DataError, match=r"2 people in 3 frames are a table of 102 columns, which is too large"
    ):
        write_dlc(clip(), path)


def test_labelled_data_names_its_images(tmp_path: Path) -> None:
    parts = ",".join(f"{name},{name}" for name in NAMES)
    text = (
        f"scorer,,,{','.join(['me'] * 34)}\nbodyparts,,,{parts}\ncoords,,,{','.join(['x,y'] * 17)}\n"
        f"labeled-data,walk,img01.png,{','.join(str(n) for n in range(34))}\n"
        f"labeled-data,walk,img02.png,{',' * 33}\n"
    )
    (tmp_path / "CollectedData_me.csv").write_text(text)
    first, second = read_dlc(tmp_path / "CollectedData_me.csv")
    assert (first.source, first.frames, first.skeleton) == ("labeled-data/walk/img01.png", 1, "coco17")
    assert first.instances[0].keypoints is not None and not second.instances
    np.testing.assert_array_equal(first.instances[0].keypoints[1], [2, 3, 1])


def test_the_source_is_named_without_the_scorer(tmp_path: Path) -> None:
    scorer = "DLC_resnet50_walkshuffle1_1000"
    write_dlc(clip(people=(1,)), tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text().replace("rtm_m", scorer)
    (tmp_path / f"walk{scorer}_filtered.csv").write_text(text)
    (frame,) = read_dlc(tmp_path / f"walk{scorer}_filtered.csv")
    assert (frame.source, frame.skeleton, frame.instances[0].id) == ("walk", "coco17", 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "its header has the rows a, 1"),
        ("scorer,me,me\nbodyparts,nose\ncoords,x,y\n0,1,2\n", "rows of the header have 3, 2, 3 cells"),
        ("scorer,me,me\nbodyparts,fin,fin\ncoords,x,y\n0,1,2\n", r"keypoints \(fin\) are those of no known"),
        ("scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\n0,1,far\n", "line 4: could not convert"),
        ("scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\n0,1\n", "line 4: 2 cells, the header has 3"),
    ],
)
def test_what_is_no_table_of_deeplabcut_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        list(read_dlc(tmp_path / "a.csv"))


def test_pandas_reads_the_table_as_deeplabcut_does(path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    write_dlc(clip(), path)
    table = (
        pandas.read_hdf(path)
        if path.suffix == ".h5"
        else pandas.read_csv(path, header=[0, 1, 2, 3], index_col=0)
    )
    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    assert table.shape == (3, 2 * 17 * 3)
    for frame in clip():
        for one in frame.instances:
            assert one.keypoints is not None
            row = table.loc[frame.frame, ("rtm_m", f"person{one.id}")].to_numpy(np.float32)
            np.testing.assert_allclose(row.reshape(17, 3), one.keypoints, rtol=1e-6)


def test_movement_reads_the_table(path: Path) -> None:
    load_poses = pytest.importorskip("movement.io.load_poses")
    write_dlc(clip(), path)
    data = load_poses.from_dlc_file(path, fps=30)
    assert list(data.coords["keypoints"].values) == list(NAMES)
    for frame in clip():
        for one in frame.instances:
            assert one.keypoints is not None
            here = data.isel(time=frame.frame).sel(individuals=f"person{one.id}")
            np.testing.assert_allclose(here["position"].values.T, one.keypoints[:, :2], rtol=1e-6)
            np.testing.assert_allclose(here["confidence"].values, one.keypoints[:, 2], rtol=1e-6)


def test_a_truncated_file_of_hdf5_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("tables")
    write_dlc(clip(), tmp_path / "walk.h5")
    whole = (tmp_path / "walk.h5").read_bytes()
    (tmp_path / "walk.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"walk\.h5 is not a table of DeepLabCut: .") as caught:
        list(read_dlc(tmp_path / "walk.h5"))
    assert "\n" not in str(caught.value)
