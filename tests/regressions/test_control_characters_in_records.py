"""NUL and other control characters in sources, labels and skeletons: internal errors, and escape codes on terminals."""

import csv
import importlib.util
import io
import json
from pathlib import Path

import pytest

from rtmcli.cli.app import main
from rtmcli.formats.table import FORMATS
from rtmcli.records.ndjson import encode_frame, read_frames
from rtmcli.terminal.messages import printable
from tests.helpers.pose_records import clip

# What each format needs beside the base install.
MODULES = {
    "parquet": "pyarrow",
    "c3d": "ezc3d",
    "sleap": "sleap_io",
    "nwb": "ndx_pose",
    "dlc": "pandas",
    "rerun": "rerun",
}
WRITTEN = [
    pytest.param(
        one.name,
        marks=pytest.mark.skipif(
            one.name in MODULES and importlib.util.find_spec(MODULES[one.name]) is None,
            reason=f"{MODULES.get(one.name)} is not installed",
        ),
    )
    for one in FORMATS
    if one.write is not None
]


def records(path: Path, *, source: str = "walk.mp4", label: str = "person", **keys: str) -> str:
    """A file of three frames; `keys` are further keys of each frame."""
    lines = []
    for frame in clip(source=source):
        record = json.loads(encode_frame(frame)) | keys
        for one in record["instances"]:
            one["label"], one["angles"] = label, {"knee": 12.5}
        lines.append(json.dumps(record) + "\n")
    path.write_text("".join(lines))
    return str(path)


@pytest.mark.parametrize("what", ["source", "label", "model"])
@pytest.mark.parametrize("name", WRITTEN)
def test_a_nul_character_is_written_or_is_bad_data(
    name: str, what: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = records(tmp_path / "in.jsonl", **{what: "a\0b.mp4"})
    options = ["--pixels"] if name in ("trc", "c3d") else []
    exit_code = main(["convert", file, "--to", name, "-o", str(tmp_path / "out"), *options])
    said = capfd.readouterr().err
    assert "\0" not in said
    if exit_code != 0:
        assert exit_code == 3 and "NUL character" in said.splitlines()[-1], said


@pytest.mark.parametrize("name", ["csv", "csv-wide"])
@pytest.mark.parametrize("character", ["\r", "\n", "\r\n", "\0", "\x85", "\u2028", '"', ","])
def test_any_character_of_a_source_comes_back_from_a_table(character: str, name: str, tmp_path: Path) -> None:
    source = f"a{character}b.mp4"
    file = records(tmp_path / "in.jsonl", source=source, label=source)
    table, back = str(tmp_path / "out.csv"), str(tmp_path / "back.jsonl")
    assert main(["convert", file, "--to", name, "-o", table]) == 0
    assert main(["convert", table, "--from", name, "-o", back]) == 0
    found = list(read_frames(back))
    assert {frame.source for frame in found} == {source}
    assert {one.label for frame in found for one in frame.instances} == {source}


def test_a_carriage_return_stays_in_its_cell_of_the_table_of_angles(tmp_path: Path) -> None:
    file = records(tmp_path / "in.jsonl", source="a\rb.mp4")
    table = tmp_path / "angles.csv"
    assert main(["angles", file, "-o", str(tmp_path / "out.jsonl"), "--csv", str(table)]) == 0
    header, *rows = csv.reader(io.StringIO(table.read_bytes().decode(), newline=""))
    assert rows and {row[0] for row in rows} == {"a\rb.mp4"} and {len(row) for row in rows} == {len(header)}


@pytest.mark.parametrize("character", ["\r", "\n", "\t", "\x85", "\u2028"])
def test_a_recording_of_a_source_with_line_ends_is_read_back(character: str, tmp_path: Path) -> None:
    file = records(tmp_path / "in.jsonl", source=f"a{character}b.mp4")
    assert main(["convert", file, "--to", "trc", "--pixels", "-o", str(tmp_path / "out")]) == 0
    back = str(tmp_path / "back.jsonl")
    assert main(["convert", str(tmp_path / "out"), "--from", "trc", "-o", back]) == 0
    assert {frame.source for frame in read_frames(back)} == {f"a{character}b"}


@pytest.mark.parametrize("verb", ["draw", "view"])
@pytest.mark.parametrize("source", ["a\0b.mp4", "\x1b]0;title\x07\x1b[31mred.mp4", "x" * 5000])
def test_a_source_that_is_no_file_is_named_without_control_characters(
    verb: str, source: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / {"draw": "out.mp4", "view": "out.html"}[verb])
    exit_code = main([verb, records(tmp_path / "in.jsonl", source=source), "-o", out])
    said = capfd.readouterr().err
    assert "no such file" in said and said.replace("\n", "").isprintable()
    # The page is written, without images.
    assert exit_code == (0 if verb == "view" else 3)


def test_names_in_any_script_are_shown_as_they_are() -> None:
    name = "Screenshot at 9.41\u202fPM \u00a0 \u0e01\u0e33 \U0001f468\u200d\U0001f469.png"
    assert printable(name) == name
    assert printable("a\r\n\x1b[31m\x85\u2028") == r"a\r\n\x1b[31m\x85\u2028"


@pytest.mark.parametrize("skeleton", ["a\0.toml", "a\0b", "x" * 5000])
def test_a_skeleton_that_is_no_name_is_an_error_in_one_sentence(
    skeleton: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = records(tmp_path / "in.jsonl", skeleton=skeleton)
    assert main(["angles", file]) in (2, 3)
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "skeleton" in said and "internal" not in said
