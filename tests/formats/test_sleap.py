"""SLEAP's label files, read and written with sleap-io."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.formats.sleap import read_sleap, write_sleap
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import encode_frame
from rtmcli.skeletons import load_skeleton
from tests.helpers.pose_records import clip

sio: Any = pytest.importorskip("sleap_io")


def held(frames: list[Frame]) -> list[bytes]:
    """What SLEAP holds of records: all but times, boxes and models."""
    for frame in frames:
        frame.time = frame.model = None
        frame.skeleton = frame.skeleton if frame.instances else None
        for one in frame.instances:
            one.box = None
    return [encode_frame(frame) for frame in frames]


@pytest.mark.parametrize("skeleton", ["coco17", "halpe26", "coco133"])
def test_what_sleap_holds_comes_back(skeleton: str, tmp_path: Path) -> None:
    image = Frame(
        "cat 1.jpg", 0, 1, width=640, height=480, skeleton=skeleton, instances=clip(skeleton)[0].instances
    )
    frames = [*clip(skeleton, people=(2, 0, 1)), *clip(skeleton, source="b/walk.mp4", seed=3), image]
    assert write_sleap(frames, tmp_path / "walk.slp") == 7
    again = list(read_sleap(tmp_path / "walk.slp"))
    assert held(again) == held(frames)


def test_sleap_io_finds_tracks_scores_and_skeleton(tmp_path: Path) -> None:
    write_sleap(clip(), tmp_path / "walk.slp")
    labels = sio.load_file(str(tmp_path / "walk.slp"), open_videos=False)
    own = load_skeleton("coco17")
    (skeleton,) = labels.skeletons
    assert skeleton.node_names == list(own.keypoints) and skeleton.edge_inds == list(own.links)
    assert {frozenset(pair) for pair in skeleton.symmetry_names} >= {frozenset(["left_eye", "right_eye"])}
    assert [track.name for track in labels.tracks] == ["3", "4"]
    assert [labels.videos[0].filename, *labels.videos[0].shape] == ["walk.mp4", 3, 480, 640, 3]
    everything = labels.numpy(return_confidence=True)  # (frames, tracks, keypoints, 3)
    for frame in clip():
        for one in frame.instances:
            assert one.keypoints is not None and one.id is not None
            found = everything[frame.frame, one.id - 3]
            np.testing.assert_allclose(found[:16], one.keypoints[:16], rtol=1e-6)
            assert np.isnan(found[16, :2]).all()


def test_a_person_who_was_labelled_replaces_the_prediction(tmp_path: Path) -> None:
    write_sleap(clip(people=(2,)), tmp_path / "walk.slp")
    labels = sio.load_slp(str(tmp_path / "walk.slp"), open_videos=False)
    first = labels[0].instances[0]
    moved = sio.Instance.from_numpy(
        first.numpy() + 1, labels.skeletons[0], track=first.track, from_predicted=first
    )
    labels[0].instances.append(moved)
    sio.save_slp(labels, str(tmp_path / "corrected.slp"), verbose=False)
    (frame,) = read_sleap(tmp_path / "corrected.slp")
    before = clip(people=(2,))[0].instances
    assert [one.id for one in frame.instances] == [3, 4]
    assert frame.instances[0].keypoints is not None and before[0].keypoints is not None
    np.testing.assert_allclose(
        frame.instances[0].keypoints[:16, :2], before[0].keypoints[:16, :2] + 1, rtol=1e-6
    )
    assert set(frame.instances[0].keypoints[:16, 2]) == {1} and frame.instances[0].score == 1


def test_nodes_of_no_known_skeleton_are_named(tmp_path: Path) -> None:
    flies = sio.Skeleton(nodes=["head", "thorax", "abdomen"])
    video = sio.Video(filename="flies.mp4", open_backend=False)
    one = sio.PredictedInstance.from_numpy(
        np.ones((3, 2)), flies, point_scores=np.ones(3), track=sio.Track("queen")
    )
    frame = sio.LabeledFrame(video=video, frame_idx=7, instances=[one])
    sio.save_slp(sio.Labels([frame]), str(tmp_path / "flies.slp"), verbose=False)
    with pytest.raises(
        DataError, match=r"keypoints \(head, thorax, abdomen\) are those of no known skeleton"
    ):
        list(read_sleap(tmp_path / "flies.slp"))
    (again,) = read_sleap(tmp_path / "flies.slp", skeleton="flies.toml")
    assert (again.frame, again.frames, again.skeleton, again.instances[0].id) == (7, None, "flies.toml", 0)


def test_a_frame_has_one_skeleton(tmp_path: Path) -> None:
    write_sleap([*clip(people=(1,)), *clip("halpe26", people=(1,))], tmp_path / "a.slp")
    labels = sio.load_slp(str(tmp_path / "a.slp"), open_videos=False)
    both = sio.LabeledFrame(
        video=labels.videos[0], frame_idx=0, instances=[one for frame in labels for one in frame.instances]
    )
    sio.save_slp(sio.Labels([both]), str(tmp_path / "b.slp"), verbose=False)
    with pytest.raises(
        DataError, match=r"frame 0 of walk.mp4 has keypoints of the skeletons coco17 and halpe26"
    ):
        list(read_sleap(tmp_path / "b.slp"))


def test_what_is_no_file_of_sleap_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.slp").write_text("{}")
    with pytest.raises(DataError, match=r"a\.slp is not a file of SLEAP"):
        list(read_sleap(tmp_path / "a.slp"))
    nameless = Frame("a.jpg", 0, instances=[Instance(keypoints=np.ones((17, 3), np.float32))])
    with pytest.raises(DataError, match="--source-skeleton"):
        write_sleap([nameless], tmp_path / "b.slp")
