"""Records as a pandas data frame."""

import io
from pathlib import Path

import numpy as np
import pytest

from rtmcli import Frame, Instance, read_frames, to_dataframe, write_frames
from rtmcli.formats.parquet_columns import COLUMNS

pytest.importorskip("pandas", reason="the extra pandas is not installed")
pytest.importorskip("pyarrow", reason="the extra pandas is not installed")


def frames() -> list[Frame]:
    points = np.arange(51, dtype=np.float32).reshape(17, 3)
    points[3] = np.nan
    person = Instance(id=2, label="person", box=np.float32([1, 2, 3, 4]), score=0.5, keypoints=points)
    return [
        Frame("walk.mp4", 0, time=0.0, skeleton="coco17", instances=[person, Instance(label="dog")]),
        Frame("walk.mp4", 1, time=0.04),
    ]


def test_there_is_a_row_for_each_keypoint_and_what_does_not_exist_is_missing() -> None:
    table = to_dataframe(frames())
    assert list(table.columns) == list(COLUMNS) and len(table) == 17 + 1 + 1
    nose, ear, dog, empty = (table.iloc[n] for n in (0, 3, 17, 18))
    assert (nose.keypoint, nose.x, nose.y, nose.keypoint_score, nose.id) == ("nose", 0, 1, 2, 2)
    assert np.isnan(ear.x) and np.isnan(ear.keypoint_score)
    assert dog.label == "dog" and np.isnan(dog.x)
    assert (empty.frame, empty.time) == (1, 0.04) and np.isnan(empty.instance)
    assert table.x.dtype == np.float32


def test_it_is_what_pandas_reads_of_parquet(tmp_path: Path) -> None:
    import pandas

    from rtmcli import write_parquet

    out = io.BytesIO()
    write_frames(frames(), out)
    again = list(read_frames(io.BytesIO(out.getvalue())))
    write_parquet(again, tmp_path / "walk.parquet")
    pandas.testing.assert_frame_equal(to_dataframe(again), pandas.read_parquet(tmp_path / "walk.parquet"))
