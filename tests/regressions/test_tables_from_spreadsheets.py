"""A CSV table that a spreadsheet or pandas had sorted or rewritten gave other records, or an error."""

import csv
import io
import random
from pathlib import Path

import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.formats.csv_reader import read_table
from rtmcli.formats.csv_writer import write_table
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import encode_frame
from tests.helpers.shell import Shell

DATA = Path(__file__).parent / "data"


def records():
    """Two sources, in turn; a frame with two people, one without keypoints, one without id and time."""
    rng = np.random.default_rng(0)

    def person(**keys):
        points = rng.uniform(0, 300, (17, 3)).astype(np.float32)
        points[3] = np.nan
        return Instance(
            box=np.array([1.5, 2.25, 30.75, 40], np.float32),
            score=0.5,
            keypoints=points,
            label="person",
            **keys,
        )

    box_only = Instance(box=np.array([1, 2, 3, 4], np.float32), score=0.25, label="person", id=4)
    return [
        Frame("a.mp4", 0, 3, 0.0, 640, 480, "coco17", "m", [person(id=1), person(id=2)]),
        Frame("b.mp4", 0, 2, 0.0, 640, 480, "coco17", "m", [person()]),
        Frame("a.mp4", 2, 3, 0.1, 640, 480, "coco17", "m", [box_only, person(id=1)]),
        Frame("b.mp4", 1, 2, None, 640, 480, "coco17", "m", [person(id=7)]),
    ]


def table():
    """The table of the records: header and rows."""
    out = io.BytesIO()
    write_table(records(), out)
    return list(csv.reader(io.StringIO(out.getvalue().decode())))


def text(rows, **options):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", **options).writerows(rows)
    return out.getvalue()


def lines(data):
    return sorted(encode_frame(frame) for frame in read_table(io.BytesIO(data)))


EXPECTED = sorted(encode_frame(frame) for frame in records())


def test_a_table_sorted_by_keypoint_has_the_frames_it_had():
    frames = list(read_table(DATA / "table_sorted_by_keypoint.csv"))
    assert [frame.frame for frame in frames] == [0, 1, 2, 3]
    assert [len(frame.instances) for frame in frames] == [1, 1, 1, 1]
    assert all(not np.isnan(frame.instances[0].keypoints).any() for frame in frames)


@pytest.mark.parametrize("seed", range(5))
def test_rows_come_in_any_order(seed):
    header, *rows = table()
    random.Random(seed).shuffle(rows)
    assert lines(text([header, *rows]).encode()) == EXPECTED


def test_frames_of_sources_in_turn_keep_their_order():
    frames = list(read_table(io.BytesIO(text(table()).encode())))
    assert [(frame.source, frame.frame) for frame in frames] == [
        ("a.mp4", 0),
        ("b.mp4", 0),
        ("a.mp4", 2),
        ("b.mp4", 1),
    ]


def test_columns_come_in_any_order_and_beside_others():
    header, *rows = table()
    order = sorted(range(len(header)), key=lambda i: header[i])
    changed = [["", *(row[i] for i in order), "note"] for row in rows]
    assert (
        lines(text([["Unnamed: 0", *(header[i].upper() for i in order), "comment"], *changed]).encode())
        == EXPECTED
    )


@pytest.mark.parametrize("empty", ["", "NaN", "nan", "NA", "<NA>", "None"])
def test_whole_numbers_as_pandas_writes_them_beside_empty_cells(empty):
    header, *rows = table()
    whole = {header.index(key) for key in ("frame", "frames", "width", "height", "instance", "id", "index")}
    changed = [
        [empty if not cell else (f"{cell}.0" if i in whole else cell) for i, cell in enumerate(row)]
        for row in rows
    ]
    assert lines(text([header, *changed]).encode()) == EXPECTED


def test_a_table_that_pandas_sorted_and_wrote_has_the_records_it_had():
    """read_csv, sort_values(["keypoint", "x"], ascending=False), to_csv(sep=";", decimal=",") of `records`."""
    assert lines((DATA / "table_sorted_by_pandas.csv").read_bytes()) == EXPECTED


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
@pytest.mark.parametrize("decimal", [".", ","])
def test_semicolons_and_tabs_with_points_or_commas_in_numbers(delimiter, decimal):
    header, *rows = table()
    words = {header.index(key) for key in ("source", "skeleton", "model", "label", "keypoint")}
    changed = [
        [cell if i in words else cell.replace(".", decimal) for i, cell in enumerate(row)] for row in rows
    ]
    data = text([header, *changed], delimiter=delimiter)
    assert lines(data.encode()) == EXPECTED
    assert lines(f"sep={delimiter}\r\n{data}".encode()) == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_of_spreadsheets(encoding, newline):
    data = text(table(), delimiter="\t").replace("\n", newline)
    if encoding == "utf-16-be":
        data = "\ufeff" + data
    assert lines(data.encode(encoding)) == EXPECTED


def test_blank_rows_and_a_second_header_are_passed_over():
    header, *rows = table()
    blank = [""] * len(header)
    assert lines(text([header, *rows[:40], blank, header, *rows[40:], blank]).encode()) == EXPECTED


def test_missing_rows_are_missing_keypoints():
    """pandas' dropna() removes the rows of keypoints that do not exist."""
    header, *rows = table()
    kept = [row for row in rows if row[header.index("x")] or not row[header.index("index")]]
    assert lines(text([header, *kept]).encode()) == EXPECTED
    last = [row for row in kept if row[header.index("index")] != "16"]
    counts = {len(p.keypoints) for f in read_table(io.BytesIO(text([header, *last]).encode())) for p in f.instances
              if p.keypoints is not None}  # fmt: skip
    assert counts == {17}


def test_a_table_without_the_index_is_read_by_the_names_of_the_keypoints():
    header, *rows = table()
    column = header.index("index")
    changed = [[cell for i, cell in enumerate(row) if i != column] for row in [header, *rows]]
    assert lines(text(changed).encode()) == EXPECTED


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("frame", "1.5", "line 2: frame must be a whole number from 0 on, got '1.5'"),
        ("frame", "", "line 2: frame must be a whole number from 0 on, got an empty cell"),
        ("x", "left", "line 2: x must be a number, got 'left'"),
    ],
)
def test_a_cell_that_is_wrong_is_named_with_its_line(key, value, told):
    header, *rows = table()
    rows[0][header.index(key)] = value
    with pytest.raises(DataError, match=told):
        list(read_table(io.BytesIO(text([header, *rows]).encode())))


def test_one_keypoint_at_two_places_is_an_error():
    header, *rows = table()
    again = list(rows[0])
    again[header.index("x")] = "999"
    with pytest.raises(DataError, match="keypoint 0 of instance 0 has several positions"):
        list(read_table(io.BytesIO(text([header, *rows, again]).encode())))


@pytest.mark.parametrize("kind", ["csv", "csv-wide"])
def test_scores_have_the_digits_of_the_records_and_come_back_equal(kind: str, sh: Shell) -> None:
    record = b'{"source":"a.mp4","frame":0,"instances":[{"box":[0.0,0.0,1.0,2.0],"score":0.9}]}\n'
    table = sh(f"rtm convert --to {kind}", record).stdout
    assert b",0.9" in table and b"0.8999" not in table
    assert sh(f"rtm convert --from {kind} -", table).stdout == record
