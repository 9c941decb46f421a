"""What `rtm bench` is asked for must go together, and the papers' figures say that they are no comparison."""

import pytest

from rtmcli.bench.clip import bench_clip, parts
from rtmcli.bench.published import beside, published_rows
from rtmcli.cli.app import main
from rtmcli.errors import UsageError
from rtmcli.verbs.bench import _range


def test_a_range_of_people_is_written_with_dots_or_commas() -> None:
    assert _range("1..4") == [1, 2, 3, 4]
    assert _range("20, 1,5,5") == [1, 5, 20]
    for wrong in ("4..1", "a..b", "0..3", "", "1-20"):
        with pytest.raises(UsageError, match="--people"):
            _range(wrong)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--pipeline demo --people 1..2", "different measurements"),
        ("--pipeline demo --models rtmpose-t", "DETECTOR,POSE"),
        ("--pipeline demo --engines onnxruntime,openvino", "give one value"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    capsys: pytest.CaptureFixture[str], options: str, words: str
) -> None:
    assert main(["bench", *options.split()]) == 2
    assert words in capsys.readouterr().err


def test_the_published_figures_are_those_of_the_papers_tables() -> None:
    rows = {row["published"]: row for row in published_rows()}
    assert rows["rtmpose-m 256x192"]["ms"]["ort_cpu_i7_11700"] == 11.06  # RTMPose, table 10
    pair = rows["rtmdet-nano-person-320x320 + rtmpose-t-coco17-256x192-aic"]  # RTMPose, table 12
    assert pair["ms"] == {"ort_cpu_i7_11700": 12.403, "trt_fp16_gtx1660ti": 2.467}
    assert all("not a comparison" in row["note"] for row in rows.values())


def test_a_measured_row_has_the_published_figures_of_the_same_network_only() -> None:
    row = beside({"name": "rtmpose-m-coco17-256x192", "fps": 50.0})
    assert row["published_ms"]["ort_cpu_i7_11700"] == 11.06 and row["fps"] == 50.0
    assert beside({"name": "rtmpose-t"}) == {"name": "rtmpose-t"}  # ours is smaller than theirs of that name


def test_a_clip_is_timed_stage_by_stage_and_beside_its_networks() -> None:
    rows = list(bench_clip("demo", detector="rtmdet-nano", model="rtmpose-t", frames=3, pairs=1, threads=1))
    stages, over, picture, jobs = rows
    assert stages["frames"] == 3
    assert {"decode", "detector: network", "crop", "pose: network", "write"} <= stages.keys()
    assert over["ratio"] == pytest.approx(over["pipeline ms"] / over["networks ms"], rel=0.01)
    assert picture["ratio"] > 0 and jobs["jobs"] == 2 and all("load" in row for row in rows)
    assert {part["what"] for part in parts(rows)} == {row["what"] for row in rows}
