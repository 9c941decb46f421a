"""Wide CSV and Parquet tables: nothing is lost, and data-frame libraries read them."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.errors import DataError
from rtmcli.formats.csv_wide import read_wide_table, write_wide_table
from rtmcli.formats.infer_format import format_of_input
from rtmcli.formats.parquet import read_parquet, write_parquet
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import encode_frame
from rtmcli.skeletons import load_skeleton
from tests.helpers.pose_records import clip


def lines(frames: object) -> list[bytes]:
    return [encode_frame(frame) for frame in frames]


def wide(frames: list[Frame]) -> bytes:
    out = io.BytesIO()
    write_wide_table(frames, out)
    return out.getvalue()


def mixed() -> list[Frame]:
    """Two videos, an image, empty frames, boxes alone, keypoints in 3D."""
    box = Instance(box=np.array([1, 2, 3.5, 4], np.float32), score=0.25, label="person")
    space = clip("coco17", seed=5, source="b/space walk.mp4")
    for frame in space:
        for one in frame.instances:
            one.keypoints3d = np.arange(17 * 4, dtype=np.float32).reshape(17, 4)
    empty = Frame("empty.jpg", 0, 1, width=4, height=3)
    return [empty, *clip("coco133"), *space, Frame("a.jpg", 0, 1, skeleton="coco17", instances=[box])]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), people=st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_a_wide_table_gives_back_every_record(seed: int, people: list[int]) -> None:
    frames = clip("halpe26", seed=seed, people=people)
    assert lines(read_wide_table(io.BytesIO(wide(frames)))) == lines(frames)


def test_a_wide_table_has_a_row_per_frame_and_person() -> None:
    rows = wide(clip()).decode().splitlines()
    assert len(rows) == 1 + 4
    header = rows[0].split(",")
    assert header[:3] == ["source", "frame", "frames"] and len(header) == 8 + 8 + 3 * 17
    assert header[16:20] == ["nose_x", "nose_y", "nose_score", "left_eye_x"]
    detector = [Frame("v.mp4", n, instances=[Instance(box=np.ones(4, np.float32))] * n) for n in range(3)]
    assert lines(read_wide_table(io.BytesIO(wide(detector)))) == lines(detector)
    assert lines(read_wide_table(io.BytesIO(wide(detector[:1])))) == lines(detector[:1])


def test_a_wide_table_is_read_in_any_order_and_spelling() -> None:
    header, *rows = wide(clip()).decode().splitlines()
    again = "\n".join([header, *reversed(rows)]).replace(",", ";")
    assert lines(read_wide_table(io.BytesIO(again.encode()))) == lines(clip())
    with pytest.raises(DataError, match=r"line 3: instance 0 of frame 0 has two rows"):
        list(read_wide_table(io.BytesIO("\n".join([header, rows[0], rows[0]]).encode())))


def test_a_wide_table_holds_one_skeleton() -> None:
    with pytest.raises(DataError, match="keypoints of halpe26 in a table of coco17"):
        wide([*clip("coco17"), *clip("halpe26")])
    nameless = clip()
    nameless[0].skeleton = None
    with pytest.raises(DataError, match="--source-skeleton"):
        wide(nameless)


def test_parquet_gives_back_every_record_of_a_file_and_of_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    assert write_parquet(mixed(), tmp_path / "all.parquet") == 8
    assert lines(read_parquet(tmp_path / "all.parquet")) == lines(mixed())
    for _ in range(2):  # a second run replaces the first
        assert write_parquet(mixed(), tmp_path / "folder") == 8
    write_parquet(mixed(), f"{tmp_path}/folder.parquet/")
    assert sorted(lines(read_parquet(tmp_path / "folder.parquet"))) == sorted(lines(mixed()))
    assert format_of_input(str(tmp_path / "folder")).name == "parquet"
    names = sorted(path.name for path in (tmp_path / "folder").iterdir())
    assert names == ["source=a.jpg", "source=b%2Fspace%20walk.mp4", "source=empty.jpg", "source=walk.mp4"]
    assert sorted(lines(read_parquet(tmp_path / "folder"))) == sorted(lines(mixed()))


def test_a_folder_of_parquet_files_is_read_too(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for name in ("a", "b"):
        write_parquet(clip(source=f"{name}.mp4"), tmp_path / f"{name}.parquet")
    assert lines(read_parquet(tmp_path)) == lines([*clip(source="a.mp4"), *clip(source="b.mp4")])


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 999),
    source=st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20
    ),
)
def test_parquet_keeps_any_source_and_value(
    seed: int, source: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pytest.importorskip("pyarrow")
    frames = clip("coco17", seed=seed, source=source)
    for name in ("one.parquet", "folder"):
        path = tmp_path_factory.mktemp("out") / name
        write_parquet(frames, path)
        assert lines(read_parquet(path)) == lines(frames)


def test_parquet_is_written_and_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("rtmcli.formats.parquet._BATCH", 40)
    frames = clip(people=(2, 0, 1, 3, 1))
    for name in ("a.parquet", "folder"):
        write_parquet(frames, tmp_path / name)
        assert lines(read_parquet(tmp_path / name)) == lines(frames)
    assert parquet.ParquetFile(tmp_path / "a.parquet").num_row_groups == 3
    assert len(list(tmp_path.glob("folder/*/part-*.parquet"))) == 3


def test_parquet_that_is_no_table_of_records_is_named(tmp_path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="has no column 'source'"):
        list(read_parquet(tmp_path / "a.parquet"))
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"b\.parquet"):
        list(read_parquet(tmp_path / "b.parquet"))
    write_parquet(clip(), tmp_path / "c.parquet")
    rows = parquet.read_table(tmp_path / "c.parquet")
    parquet.write_table(pa.concat_tables([rows.slice(18), rows]), tmp_path / "c.parquet")
    with pytest.raises(DataError, match="not in order at frame 0; sort them"):
        list(read_parquet(tmp_path / "c.parquet"))


def test_pandas_reads_and_rewrites_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    write_parquet(clip(), tmp_path / "a.parquet")
    table = pandas.read_parquet(tmp_path / "a.parquet")
    assert len(table) == 3 * 17 + 1
    assert list(table["keypoint"][:17]) == list(load_skeleton("coco17").keypoints)
    first = clip()[0].instances[0].keypoints
    assert first is not None
    np.testing.assert_array_equal(table["x"][:17].to_numpy(np.float32), first[:, 0])
    table.to_parquet(tmp_path / "b.parquet")
    assert lines(read_parquet(tmp_path / "b.parquet")) == lines(clip())
    write_parquet(clip(), tmp_path / "folder")
    assert set(pandas.read_parquet(tmp_path / "folder")["source"]) == {"walk.mp4"}
