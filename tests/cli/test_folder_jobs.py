"""`-o FOLDER` of every verb that has it, through the command line."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from rtmcli import __version__
from rtmcli.cli.app import main
from rtmcli.media.source_names import DEMO
from tests.helpers.clips import write_clip
from tests.helpers.jobs import Runner, contents, write_clips

PERSON = '{"label":"person","box":[1.0,2.0,30.0,60.0],"score":0.5}'


@pytest.fixture
def rtm(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.chdir(tmp_path)
    return Runner(capsys)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Three clips in two folders, one of them broken."""
    write_clips(tmp_path / "clips/a", 2, broken=(1,))
    write_clips(tmp_path / "clips/b", 1)
    return tmp_path / "clips"


def write_records(path: Path, source: str = "walk.mp4", frames: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f'{{"source":"{source}","frame":{n},"time":{n / 25},"instances":[{PERSON}]}}\n' for n in range(frames)
    ]
    path.write_text("".join(lines))
    return path


def test_detect_writes_what_it_writes_to_standard_output(rtm: Runner, clips: Path, capsys) -> None:
    assert rtm("detect", "clips/**/*.mp4", "-o", "out") == 3
    assert [(line["source"], line["status"]) for line in rtm.lines] == [
        ("clips/a/00.mp4", "done"),
        ("clips/a/01.mp4", "failed"),
        ("clips/b/00.mp4", "done"),
    ]
    assert (
        rtm.error.startswith("rtm detect: 1 of 3 sources failed: clips/a/01.mp4: ")
        and rtm.error.count("\n") == 1
    )
    assert main(["detect", "clips/a/00.mp4"]) == 0
    assert contents(Path("out"))["a/00.jsonl"] == capsys.readouterr().out.encode()
    assert sorted(contents(Path("out"))) == ["a/00.jsonl", "b/00.jsonl"]


def test_pose_with_ids_writes_what_it_writes_to_standard_output(rtm: Runner, capsys) -> None:
    assert rtm("pose", "demo", "--max-frames", "12", "--track", "-o", "out") == 0
    assert main(["pose", "demo", "--max-frames", "12", "--track"]) == 0
    assert contents(Path("out"))["demo.jsonl"] == capsys.readouterr().out.encode()
    assert rtm.lines[0]["frames"] == 12 and rtm.lines[0]["people"] > 12


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty frames of the demo clip with a keyframe every ten."""
    import av

    path = tmp_path_factory.mktemp("long") / "long.mp4"
    with av.open(str(DEMO)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=source.streams.video[0].average_rate, options={"g": "10"})
        stream.width, stream.height = source.streams.video[0].width, source.streams.video[0].height
        for number, frame in zip(range(40), source.decode(video=0), strict=False):
            frame.pts, frame.pict_type = number, 0
            frame.time_base = 1 / Fraction(source.streams.video[0].average_rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


@pytest.mark.parametrize("options", [[], ["--det-every", "4", "--track", "--appearance", "--every", "2"]])
def test_a_video_in_units_gives_the_bytes_of_one_piece(
    rtm: Runner, long_clip: Path, options: list[str]
) -> None:
    assert rtm("pose", long_clip, "-o", "units", "--unit", "0.4", *options) == 0
    assert len(json.loads(Path("units/job.json").read_text())["sources"][0]["units"]) > 2
    assert rtm("pose", long_clip, "-o", "piece.jsonl", *options) == 0
    assert contents(Path("units")) == {"long.jsonl": Path("piece.jsonl").read_bytes()}
    assert b'"keypoints"' in Path("piece.jsonl").read_bytes()


def test_workers_and_shards_give_the_bytes_of_one_piece(rtm: Runner, long_clip: Path) -> None:
    options = ["--det-every", "5", "--unit", "0.4"]
    assert rtm("pose", long_clip, "-o", "workers", "--workers", "2", *options) == 0
    assert rtm("pose", long_clip, "-o", "shards", "--plan", *options) == 0
    for number in (3, 1, 2):
        assert rtm("pose", long_clip, "-o", "shards", "--shard", f"{number}/3", *options) == 0
        assert {line["status"] for line in rtm.lines} <= {"part"}
    assert rtm("pose", long_clip, "-o", "shards", "--resume", *options) == 0
    assert rtm("pose", long_clip, "-o", "piece.jsonl", "--det-every", "5") == 0
    expected = {"long.jsonl": Path("piece.jsonl").read_bytes()}
    assert contents(Path("workers")) == contents(Path("shards")) == expected


def test_an_engine_chosen_by_measuring_is_refused_for_shards(rtm: Runner, clips: Path) -> None:
    assert rtm("detect", clips, "-o", "out", "--shard", "1/2", "--engine", "auto") == 2
    assert "name the engine for --shard" in rtm.error


def test_records_can_be_written_to_one_file(rtm: Runner, clips: Path) -> None:
    assert rtm("detect", "clips/a/00.mp4", "clips/b/00.mp4", "-o", "all.jsonl") == 0
    assert not rtm.lines and len(Path("all.jsonl").read_bytes().splitlines()) == 12


def test_resuming_does_what_is_missing_and_what_is_new(rtm: Runner, clips: Path) -> None:
    assert rtm("detect", "clips/a/*.mp4", "-o", "out") == 3
    assert rtm("detect", "clips/a/*.mp4", "-o", "out") == 2
    assert "out holds a job already; continue it with --resume" in rtm.error
    shutil.copy("clips/a/00.mp4", "clips/a/02.mp4")
    assert rtm("detect", "clips/a/*.mp4", "-o", "out", "--resume") == 3
    assert [line["status"] for line in rtm.lines] == ["skipped", "failed", "done"]
    assert not Path("out/.part/tmp").exists() or not list(Path("out/.part/tmp").iterdir())


@pytest.mark.parametrize(
    ("arguments", "difference"),
    [
        (["--score", "0.4"], "--score its default, not 0.4"),
        (["--every", "2"], "--every 1, not 2"),
        (["--detector", "other.onnx"], "--detector its default, not other.onnx"),
    ],
)
def test_a_folder_made_with_other_options_is_refused(
    rtm: Runner, clips: Path, arguments: list[str], difference: str
) -> None:
    from rtmcli.zoo.resolve import find_model

    shutil.copy(find_model("rtmdet-nano"), "other.onnx")
    assert rtm("detect", "clips/b", "-o", "out") == 0
    before = contents(Path("out"))
    assert rtm("detect", "clips/b", "-o", "out", "--resume", *arguments) == 2
    assert f"out was made with {difference};" in rtm.error
    assert contents(Path("out")) == before
    assert rtm("detect", "clips/b", "-o", "out", "--resume", "--jobs", "1", "--threads", "1") == 0


def test_a_folder_made_by_another_verb_version_or_model_is_refused(rtm: Runner, clips: Path) -> None:
    assert rtm("detect", "clips/b", "-o", "out") == 0
    assert rtm("pose", "clips/b", "-o", "out", "--resume") == 2
    assert "'rtm detect', not 'rtm pose'" in rtm.error
    job = json.loads(Path("out/job.json").read_text())
    for changed, expected in (
        ({"version": "0.0.0"}, f"rtm 0.0.0, not {__version__}"),
        ({"models": {"detector": "0" * 64}}, "another detector"),
    ):
        Path("out/job.json").write_text(json.dumps({**job, "settings": {**job["settings"], **changed}}))
        assert rtm("detect", "clips/b", "-o", "out", "--resume") == 2
        assert expected in rtm.error


def test_a_model_that_is_another_file_where_the_work_is_done_ends_the_job(
    rtm: Runner, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtmcli.cli import media_job

    digests = iter([{"detector": "0" * 64}, {"detector": "1" * 64}])
    monkeypatch.setattr(media_job, "_digests", lambda options: next(digests))
    assert rtm("detect", "clips/b", "-o", "out") == 1
    assert "the detector's file on" in rtm.error and not contents(Path("out"))


def test_a_source_that_has_changed_is_noticed(rtm: Runner, clips: Path) -> None:
    assert rtm("detect", "clips/b", "-o", "out") == 0
    write_clip(clips / "b/00.mp4", 9)
    assert rtm("detect", "clips/b", "-o", "out", "--resume") == 2
    assert "clips/b/00.mp4 has changed since out was begun" in rtm.error


def test_a_file_that_belongs_to_no_job_is_not_overwritten(rtm: Runner, clips: Path) -> None:
    write_records(Path("out/00.jsonl"))
    assert rtm("detect", "clips/b", "-o", "out") == 2
    assert "out/00.jsonl exists and belongs to no job" in rtm.error
    assert Path("out/00.jsonl").read_bytes().count(b"walk.mp4") == 3


def test_the_images_of_a_folder_are_one_source(rtm: Runner, tmp_path: Path, capsys) -> None:
    from rtmcli import open_media
    from rtmcli.opencv import cv2

    (tmp_path / "day").mkdir()
    for picture in open_media("demo", max_frames=3):
        cv2.imwrite(str(tmp_path / f"day/{picture.frame}.png"), picture.image)
    assert rtm("detect", "day", "-o", "out") == 0
    assert rtm.lines[0]["source"] == "day" and rtm.lines[0]["frames"] == 3
    assert main(["detect", "day"]) == 0
    assert contents(Path("out")) == {"day.jsonl": capsys.readouterr().out.encode()}
    assert rtm("detect", "day", "-o", "units", "--unit", "0.04", "--every", "2") == 0
    assert main(["detect", "day", "--every", "2"]) == 0
    assert contents(Path("units")) == {"day.jsonl": capsys.readouterr().out.encode()}
    assert len(json.loads(Path("units/job.json").read_text())["sources"][0]["units"]) == 2
    shutil.copy("day/0.png", "day/9.png")
    assert rtm("detect", "day", "-o", "out", "--resume") == 2
    assert "day has changed since out was begun: 4 images instead of 3" in rtm.error
    write_clip(tmp_path / "day/clip.mp4", 4)
    assert rtm("detect", "day", "-o", "mixed") == 0
    assert sorted(contents(Path("mixed"))) == ["day.jsonl", "day/clip.jsonl"]


@pytest.mark.parametrize("source", ["-", "0", "rtsp://camera/stream"])
def test_sources_without_an_end_are_refused(rtm: Runner, source: str) -> None:
    assert rtm("detect", source, "-o", "out") == 2
    assert "-o FOLDER is for sources that end" in rtm.error and not Path("out").exists()


def test_options_of_a_job_without_a_folder_are_refused(rtm: Runner) -> None:
    for arguments in (["--resume"], ["--name", "{stem}"], ["--stop-on-error"], ["-o", "x.jsonl", "--resume"]):
        assert rtm("detect", "demo", *arguments) == 2
        assert "has no effect without -o FOLDER" in rtm.error
        assert rtm("nms", "x.jsonl", *arguments) == 2


@pytest.mark.parametrize("verb", ["track", "smooth", "nms", "angles"])
def test_a_filter_writes_a_file_for_each_file(rtm: Runner, verb: str) -> None:
    for name in ("in/a.jsonl", "in/sub/b.jsonl"):
        write_records(Path(name))
    assert rtm(verb, "in", "-o", "out") == 0
    assert [line["frames"] for line in rtm.lines] == [3, 3]
    for name in ("a.jsonl", "sub/b.jsonl"):
        assert rtm(verb, f"in/{name}", "-o", "one.jsonl") == 0
        assert contents(Path("out"))[name] == Path("one.jsonl").read_bytes()
    Path("in/a.jsonl").write_text("no record\n")
    assert rtm(verb, "in", "-o", "second") == 3
    assert rtm.lines[0]["error"].startswith("in/a.jsonl, line 1") and rtm.lines[1]["status"] == "done"


def test_convert_writes_a_file_for_each_file(rtm: Runner) -> None:
    for name in ("in/a.jsonl", "in/b.jsonl"):
        write_records(Path(name))
    assert rtm("convert", "in/a.jsonl", "in/b.jsonl", "--to", "csv", "-o", "tables/") == 0
    assert sorted(contents(Path("tables"))) == ["a.csv", "b.csv"]
    assert rtm("convert", "in/a.jsonl", "-o", "a.csv") == 0
    assert Path("a.csv").read_bytes() == contents(Path("tables"))["a.csv"]
    assert rtm("convert", "in/a.jsonl", "in/b.jsonl", "--name", "{stem}.csv", "-o", "named") == 0
    assert contents(Path("named")) == contents(Path("tables"))
    assert rtm("convert", "in/a.jsonl", "--to", "csv-wide", "-o", "wide/") == 0
    assert list(contents(Path("wide"))) == ["a.csv"]


def test_convert_resumes_formats_that_are_folders(rtm: Runner) -> None:
    write_records(Path("a.jsonl"))
    for options, status in (([], "done"), (["--resume"], "skipped")):
        assert rtm("convert", "a.jsonl", "--to", "openpose", "--name", "{stem}", "-o", "out", *options) == 0
        assert [line["status"] for line in rtm.lines] == [status]
    assert len(list(Path("out/a").glob("*.json"))) == 3


def test_draw_writes_a_video_for_each_file(rtm: Runner, clips: Path) -> None:
    assert rtm("detect", "clips/a/00.mp4", "clips/b/00.mp4", "-o", "out") == 0
    assert rtm("draw", "out", "-o", "videos", "--name", "{folder}-{stem}.mp4") == 0
    assert sorted(contents(Path("videos"))) == ["a-00.mp4", "b-00.mp4"]
    assert rtm("draw", "out/a/00.jsonl", "-o", "one.mp4") == 0
    assert contents(Path("videos"))["a-00.mp4"] == Path("one.mp4").read_bytes()
