"""Records as a pandas data frame: a row per keypoint, the columns of the Parquet table. Needs pandas and pyarrow."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rtmcli.formats.parquet_columns import table_of
from rtmcli.records.frame import Frame

if TYPE_CHECKING:
    import pandas


def to_dataframe(frames: Iterable[Frame]) -> "pandas.DataFrame":
    """A data frame of records: what `pandas.read_parquet` reads of `write_parquet`'s file.

    A row for each keypoint of each person, for a person without keypoints, and for a frame without people. Columns are
    `source, frame, frames, time, width, height, skeleton, model, instance, id, label, x1, y1, x2, y2, score, index,
    keypoint, x, y, keypoint_score, x3d, y3d, z3d, score3d`. What does not exist is missing (NaN or None).

    Raises ModuleNotFoundError where pandas or pyarrow is not installed (the extra `pandas`).

    Example:
        from rtmcli import read_frames, to_dataframe

        table = to_dataframe(read_frames("walk.jsonl"))
        print(table[table.keypoint == "nose"][["time", "id", "x", "y"]])
    """
    import pandas  # noqa: F401  pyarrow would say that pandas is missing in words of its own

    return table_of(frames).to_pandas()
