"""`rtm schema`: the schema itself, and the check of streams against it."""

import json

import jsonschema
import pytest

from tests.helpers.shell import Shell


def line(frame: int = 0, source: str = "a.mp4") -> bytes:
    return (
        f'{{"source":"{source}","frame":{frame},"frames":9,"time":{frame / 30!r},"width":64,"height":48,'
        f'"instances":[{{"id":1,"label":"person","box":[1.5,2.25,30.125,40.0],"score":0.9}}]}}\n'
    ).encode()


def lines(*numbers: int) -> bytes:
    return b"".join(line(n) for n in numbers)


def test_it_is_a_2020_12_schema_that_the_verbs_own_output_fits(sh: Shell) -> None:
    schema = json.loads(sh("rtm schema").stdout)
    assert schema["$schema"].endswith("2020-12/schema")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(sh("rtm track | rtm smooth", line(0)).stdout), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"source": "a", "frame": 0.5, "instances": []}, schema)


def test_the_check_names_the_first_bad_line(sh: Shell) -> None:
    run = sh("cat > f; rtm schema --check f", line(0) + line(1) + b"{}\n")
    assert run.returncode == 3 and b"rtm schema: f, line 3: no record, which has source" in run.stderr


def test_the_check_counts_blank_lines_when_it_names_one(sh: Shell) -> None:
    bad = b'{"source":"a","frame":2,"instances":[{"score":7}]}\n'
    run = sh("cat > f; rtm schema --check f", line(0) + b"\n\n" + bad)
    assert run.returncode == 3 and b"rtm schema: f, line 4: instances[0]: 'score' must be in" in run.stderr


def test_the_check_counts_the_points_of_a_known_skeleton(sh: Shell) -> None:
    run = sh(
        "rtm schema --check -", b'{"source":"a","frame":0,"skeleton":"coco17","instances":[{"keypoints":[]}]}'
    )
    assert run.returncode == 3 and b"coco17 has 17 keypoints, got 0" in run.stderr


def test_a_truncated_stream_is_noted_and_with_complete_an_error(sh: Shell) -> None:
    run = sh("rtm schema --check -", lines(*range(7)))
    assert run.returncode == 0 and b"7 of 9 frames" in run.stderr
    run = sh("rtm schema --check - --complete", lines(*range(7)))
    assert run.returncode == 3 and run.stderr.count(b"\n") == 1
    assert b"standard input: frames are missing: a.mp4: 7 of 9 frames" in run.stderr


def test_all_frames_and_every_nth_frame_are_complete(sh: Shell) -> None:
    for numbers in (range(9), range(0, 9, 3)):
        run = sh("rtm schema --check - --complete", lines(*numbers))
        assert run.returncode == 0 and b" of 9" not in run.stderr


@pytest.mark.parametrize("numbers", [(0, 1, 2, 5, 6, 7, 8), range(2, 9)], ids=["a hole", "no beginning"])
def test_complete_refuses_holes_and_late_beginnings(sh: Shell, numbers: tuple[int, ...]) -> None:
    assert sh("rtm schema --check -", lines(*numbers)).returncode == 0
    run = sh("rtm schema --check - --complete", lines(*numbers))
    assert run.returncode == 3 and b"a.mp4: 7 of 9 frames" in run.stderr


def test_complete_refuses_an_empty_file(sh: Shell) -> None:
    assert sh("rtm schema --check -").returncode == 0
    run = sh("touch empty; rtm schema --check empty --complete")
    assert run.returncode == 3 and b"empty holds no records" in run.stderr


def test_complete_without_check_is_wrong_usage(sh: Shell) -> None:
    run = sh("rtm schema --complete")
    assert run.returncode == 2 and b"--complete has no effect without --check" in run.stderr


def test_quiet_says_nothing_about_a_valid_file(sh: Shell) -> None:
    assert sh("rtm schema -q --check -", lines(0)).stderr == b""


def test_a_skeleton_is_printed_with_names_links_and_sigmas(sh: Shell) -> None:
    run = sh("rtm schema --skeleton coco17")
    found = json.loads(run.stdout)
    assert found["name"] == "coco17" and found["keypoints"][:2] == ["nose", "left_eye"]
    assert len(found["sigmas"]) == 17 and found["sigmas"][0] == 0.026
    assert found["flip"][1] == 2 and [5, 7] in found["links"]
    run = sh("rtm schema --skeleton coco71")
    assert run.returncode == 2 and b"no such skeleton 'coco71'" in run.stderr
    run = sh("rtm schema --skeleton coco17 --check f")
    assert run.returncode == 2 and b"--check" in run.stderr
