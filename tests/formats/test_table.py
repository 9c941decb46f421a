"""The table of formats: every entry reads what it writes, names tell formats apart, and the documentation follows."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.errors import UsageError
from rtmcli.formats.format import Conversion, Format
from rtmcli.formats.infer_format import format_of_input, format_of_output
from rtmcli.formats.table import FORMATS, find_format, format_names
from rtmcli.records.frame import Frame, Instance
from tests.helpers.given import box_of
from tools.write_docs import with_format_table

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
# Keypoints are written whatever their scores, in pixels.
GIVEN = Conversion(skeleton="coco17", pixels=True, min_score=0)
# What an extra installs.
PACKAGES = {"parquet": "pyarrow", "c3d": "ezc3d", "sleap": "sleap_io", "dlc": "tables"}
BOTH_WAYS = [one for one in FORMATS if one.read and one.write]


def walk(random: np.random.Generator, people: int) -> list[Frame]:
    """A video with so many people in both of its frames, in positions that float32 holds."""

    def person(number: int) -> Instance:
        points = random.uniform(1, 470, (17, 3)).astype(np.float32)
        points[:, 2] = random.uniform(0.1, 1, 17).astype(np.float32)
        low = random.uniform(0, 300, 2)
        box = np.array([*low, *(low + random.uniform(10, 180, 2))], np.float32)
        return Instance(box=box, score=0.5, keypoints=points, id=number + 1, label="person")

    return [
        Frame(
            source="walk.mp4", frame=n, frames=2, time=n / 30, width=640, height=480, skeleton="coco17", model="m",
            instances=[person(i) for i in range(people)],
        )
        for n in range(2)
    ]  # fmt: skip


def skip_without(form: Format) -> None:
    """Skip the test where the extra that a format needs is not installed."""
    if form.extra:
        pytest.importorskip(PACKAGES[form.extra])


def add_images(path: Path, form: Format) -> None:
    """YOLO's labels are in units of the image's size, which the images give."""
    if form.name == "yolo":
        for label in (path / "labels").iterdir():
            cv2.imwrite(str(path / "images" / f"{label.stem}.png"), np.zeros((480, 640, 3), np.uint8))


@pytest.mark.parametrize("form", BOTH_WAYS, ids=lambda form: form.name)
def test_what_a_format_writes_it_reads_back(form: Format, tmp_path_factory: pytest.TempPathFactory) -> None:
    skip_without(form)

    # The libraries of the extras take up to a second a file.
    @settings(max_examples=3 if form.extra else 10, deadline=None)
    @given(seed=st.integers(0, 10_000), people=st.integers(1, 3))
    def round_trip(seed: int, people: int) -> None:
        check_round_trip(form, walk(np.random.default_rng(seed), people), tmp_path_factory.mktemp("out"))

    round_trip()


def check_round_trip(form: Format, frames: list[Frame], folder: Path) -> None:
    """Write frames as a format, read them again and compare what the format holds."""
    path = folder / ("walk" if form.folder else "walk" + (*form.extensions, form.usual_extension)[0])
    assert form.write and form.read
    form.write(frames, str(path), GIVEN)
    add_images(path, form)
    again = list(form.read(str(path), Conversion()))
    assert [frame.skeleton for frame in again] == ["coco17" if form.keypoints else None] * 2
    columns = slice(2) if form.name in ("yolo", "trc", "c3d") else slice(3)
    for before, after in zip(frames, again, strict=True):
        ids = [None if form.name == "yolo" else one.id for one in before.instances]
        assert [one.id for one in after.instances] == ids
        for one, other in zip(before.instances, after.instances, strict=True):
            if form.keypoints:
                assert one.keypoints is not None and other.keypoints is not None
                np.testing.assert_allclose(other.keypoints[:, columns], one.keypoints[:, columns], rtol=1e-6)
            if other.box is not None:
                np.testing.assert_allclose(box_of(other), box_of(one), atol=1e-3)
            if form.name in (
                "records",
                "csv",
                "csv-wide",
                "parquet",
                "coco-labels",
                "alphapose",
                "mmpose",
                "motchallenge",
                "sleap",
            ):
                assert other.score == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("suffix", ["json", "txt", "dat", "csv"])
@pytest.mark.parametrize("form", BOTH_WAYS, ids=lambda form: form.name)
def test_a_written_file_is_recognised_by_its_content(form: Format, suffix: str, tmp_path: Path) -> None:
    skip_without(form)
    path = tmp_path / ("folder" if form.folder else f"file.{suffix}")
    assert form.write
    form.write(walk(np.random.default_rng(0), 1), str(path), GIVEN)
    assert format_of_input(str(path)) is form


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({"images": [], "annotations": []}, "coco-labels"),
        ({"info": {}, "annotations": []}, "coco-labels"),
        ([{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 1}], "coco"),
        ({"version": 1.3, "people": []}, "openpose"),
        ([{"frame_id": 0, "instances": []}], "mmpose"),
        ({"source": "a", "frame": 0, "instances": []}, "records"),
        ({}, "records"),
    ],
)
def test_other_files_are_recognised_by_their_content(content: object, name: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(content))
    assert format_of_input(str(path)).name == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("-", "records"),
        ("a.jsonl", "records"),
        ("a.json", "records"),
        ("a.txt", "records"),
        ("a.CSV", "csv"),
        ("a.parquet", "parquet"),
        ("a.parquet/", "parquet"),
        ("a.slp", "sleap"),
        ("a.nwb", "nwb"),
        ("a.h5", "dlc"),
        ("a.rrd", "rerun"),
        ("a/", "openpose"),
    ],
)
def test_the_name_of_an_output_tells_its_format(path: str, name: str) -> None:
    assert format_of_output(path).name == name


def test_nothing_is_taken_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert format_of_input(str(tmp_path / "pipe")).name == "records"
    assert format_of_input("-").name == "records"
    assert format_of_input(str(tmp_path / "missing.csv")).name == "csv"


def test_an_unknown_format_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="no such format 'openpos'; did you mean openpose"):
        find_format("openpos")


def test_names_and_extensions_are_unique() -> None:
    assert len(set(format_names())) == len(FORMATS)
    extensions = [extension for one in FORMATS for extension in one.extensions]
    assert len(set(extensions)) == len(extensions)


def test_the_page_of_formats_is_fresh() -> None:
    assert PAGE.read_text() == with_format_table(PAGE.read_text()), "run: python -m tools.write_docs"
