"""OpenPose files were always BODY_25: Pose2Sim got zeroed feet from an explicit COCO skeleton."""

import json

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.formats.openpose_reader import read_openpose
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import write_frames
from rtmcli.skeletons import load_skeleton


@pytest.fixture
def convert(tmp_path, capsys):
    """Convert records of a skeleton to OpenPose: the first person, the notes but that on losses, and the folder."""

    def convert(skeleton, *options):
        points = np.random.default_rng(0).uniform(1, 99, (len(load_skeleton(skeleton)), 3)).astype(np.float32)
        frame = Frame("walk.mp4", 0, 1, 0.0, 640, 480, skeleton, "m", [Instance(keypoints=points, id=4)])
        write_frames([frame], tmp_path / "records.jsonl")
        folder = tmp_path / f"op{len(list(tmp_path.iterdir()))}"
        arguments = [str(tmp_path / "records.jsonl"), "--to", "openpose", "-o", str(folder), *options]
        assert main(["convert", *arguments]) == 0
        (file,) = folder.iterdir()
        notes = [line for line in capsys.readouterr().err.splitlines(True) if "does not hold" not in line]
        return points, json.loads(file.read_text())["people"][0], "".join(notes), folder

    return convert


@pytest.mark.parametrize(
    ("skeleton", "numbers"),
    [("coco17", 51), ("halpe26", 78), ("coco133", 399), ("openpose25", 75), ("openpose18", 54)],
)
def test_an_explicit_skeleton_is_written_as_it_is(skeleton, numbers, convert):
    points, person, err, folder = convert(skeleton, "--skeleton", skeleton)
    assert len(person["pose_keypoints_2d"]) == numbers
    np.testing.assert_allclose(person["pose_keypoints_2d"], points.ravel(), rtol=1e-6)
    assert person["face_keypoints_2d"] == []
    assert err == ""
    (frame,) = read_openpose(folder)
    assert frame.skeleton == skeleton
    np.testing.assert_array_equal(frame.instances[0].keypoints, points)


def test_an_explicit_skeleton_is_translated_first(convert):
    points, person, _, _ = convert("halpe26", "--skeleton", "coco17")
    np.testing.assert_allclose(person["pose_keypoints_2d"], points[:17].ravel(), rtol=1e-6)


@pytest.mark.parametrize("options", [(), ("--skeleton", "openpose25")])
def test_body_25_without_feet_is_said(options, convert):
    _, person, err, _ = convert("coco17", *options)
    assert len(person["pose_keypoints_2d"]) == 75
    assert person["pose_keypoints_2d"][57:] == [0] * 18
    assert err.count("\n") == 1
    assert "the foot keypoints of BODY_25 are 0, 0, 0" in err
    assert "--skeleton coco17 or halpe26" in err


def test_body_25_with_feet_is_the_default(convert):
    _, person, err, _ = convert("halpe26")
    assert len(person["pose_keypoints_2d"]) == 75
    assert all(person["pose_keypoints_2d"][57:])
    assert err == ""
