"""Two runs of one source, one after the other, as `cat a.jsonl b.jsonl` makes them.

Parquet was written and then refused by its own reader; two runs of an image became one person with the points of both.
Formats with a file per frame replaced the files of the first run without a word.
"""

from pathlib import Path

import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.formats.openpose_writer import write_openpose
from rtmcli.formats.parquet import read_parquet, write_parquet
from rtmcli.formats.yolo import write_yolo
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import encode_frame
from tests.helpers.pose_records import clip


def image(seed: int, people: int) -> Frame:
    frame = clip(seed=seed, people=(people,), source="a.jpg")[0]
    frame.frames, frame.time = 1, None
    return frame


RUNS = {
    "video": [*clip(seed=1), *clip(seed=2)],
    "video from its fifth frame on": [
        frame for seed in (1, 2) for frame in clip(seed=seed, people=(1, 0, 2, 1, 0, 1, 2))[5:]
    ],
    "image": [image(1, 2), image(2, 1), image(3, 0), image(4, 0), image(5, 2)],
    "between others": [
        *clip(seed=1),
        *clip(source="b.mp4"),
        *clip(seed=2),
        image(1, 1),
        *clip(source="b.mp4"),
    ],
}


@pytest.mark.parametrize("runs", RUNS)
@pytest.mark.parametrize("target", ["walk.parquet", "folder"])
def test_parquet_holds_both_runs(runs: str, target: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frames = RUNS[runs]
    write_parquet(frames, tmp_path / target)
    again = list(read_parquet(tmp_path / target))
    if target == "folder":  # a part for each source
        frames = sorted(frames, key=lambda frame: frame.source)
        again.sort(key=lambda frame: frame.source)
    assert [encode_frame(frame) for frame in again] == [encode_frame(frame) for frame in frames]


@pytest.mark.parametrize(
    "order", [["index", "frame"], ["instance", "frame", "index"], ["keypoint", "frame"], ["x"]], ids="-".join
)
def test_a_table_in_another_order_is_still_refused(order: list[str], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = tmp_path / "walk.parquet"
    write_parquet(clip(people=(2, 1, 2)), path)
    pq.write_table(pq.read_table(path).sort_by([(name, "ascending") for name in order]), path)
    with pytest.raises(DataError, match="not in order"):
        list(read_parquet(path))


def test_the_rows_of_a_frame_may_be_in_any_order(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = tmp_path / "walk.parquet"
    frames = clip(people=(2, 1, 2))
    write_parquet(frames, path)
    order = [("frame", "ascending"), ("instance", "ascending"), ("index", "descending")]
    pq.write_table(pq.read_table(path).sort_by(order), path)
    again = list(read_parquet(path))
    for one, other in zip(again, frames, strict=True):
        np.testing.assert_array_equal(
            [person.keypoints for person in one.instances], [person.keypoints for person in other.instances]
        )


@pytest.mark.parametrize("write", [write_openpose, write_yolo])
@pytest.mark.parametrize("runs", ["video", "image"])
def test_a_format_with_a_file_for_each_frame_refuses_the_second_run(
    write: object, runs: str, tmp_path: Path
) -> None:
    assert callable(write)
    with pytest.raises(DataError, match=r"frame 0 comes twice.*convert one run at a time"):
        write(RUNS[runs], tmp_path / "out")
