"""NWB files with poses, and the programs that read them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.formats.nwb import read_nwb, write_nwb
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import encode_frame
from tests.helpers.pose_records import clip

pynwb: Any = pytest.importorskip("pynwb")
ndx_pose: Any = pytest.importorskip("ndx_pose")


def held(frames: list[Frame]) -> list[bytes]:
    """What NWB holds of records: times, ids, sizes, keypoints with scores."""
    for frame in frames:
        frame.frames = frame.model = None
        frame.skeleton = frame.skeleton if frame.instances else None
        for one in frame.instances:
            one.box = one.score = one.label = None
    return [encode_frame(frame) for frame in frames]


def test_what_nwb_holds_comes_back_with_times_and_numbers_of_frames(tmp_path: Path) -> None:
    every_fifth = clip("halpe26", people=(1, 0, 2, 1), source="b/every fifth.mp4")
    for frame in every_fifth:
        frame.frame, frame.time = 5 * frame.frame, 5 * frame.frame / 30
    frames = [*clip(), *every_fifth]
    assert write_nwb(frames, tmp_path / "walk.nwb") == 7
    assert held(list(read_nwb(tmp_path / "walk.nwb"))) == held(frames)


def test_the_only_person_needs_no_id(tmp_path: Path) -> None:
    frames = clip(people=(1, 0, 1))
    for one in [one for frame in frames for one in frame.instances]:
        one.id = None
    write_nwb(frames, tmp_path / "walk.nwb")
    assert held(list(read_nwb(tmp_path / "walk.nwb"))) == held(frames)


def test_scores_are_clipped_and_what_is_no_time_series_is_refused(tmp_path: Path) -> None:
    frames = clip(people=(1, 1))
    assert frames[0].instances[0].keypoints is not None
    frames[0].instances[0].keypoints[:2, 2] = [1.25, -0.5]
    write_nwb(frames, tmp_path / "walk.nwb")
    first, _ = read_nwb(tmp_path / "walk.nwb")
    assert first.instances[0].keypoints is not None
    assert first.instances[0].keypoints[:2, 2].tolist() == [1, 0]
    for frame in frames:
        frame.time = None
    with pytest.raises(DataError, match="has no times"):
        write_nwb(frames, tmp_path / "walk.nwb")
    nobody = clip(people=(2, 2))
    for one in [one for frame in nobody for one in frame.instances]:
        one.id = None
    with pytest.raises(DataError, match="run 'rtm track' first"):
        write_nwb(nobody, tmp_path / "walk.nwb")
    (tmp_path / "a.nwb").write_text("{}")
    with pytest.raises(DataError, match=r"a\.nwb is not an NWB file"):
        list(read_nwb(tmp_path / "a.nwb"))


def test_pynwb_validates_the_file(tmp_path: Path) -> None:
    write_nwb(clip(), tmp_path / "walk.nwb")
    errors = pynwb.validate(path=str(tmp_path / "walk.nwb"))
    assert not (errors[0] if isinstance(errors, tuple) else errors)
    with pynwb.NWBHDF5IO(str(tmp_path / "walk.nwb"), "r", load_namespaces=True) as stream:
        module = stream.read().processing["SLEAP_VIDEO_000_walk"]
        nose = module["track=3"].pose_estimation_series["nose"]
        assert nose.data.shape == (3, 2) and list(nose.timestamps[:]) == [0, 1 / 30, 2 / 30]
        other = module["track=4"].pose_estimation_series["nose"]
        assert other.data.shape == (1, 2) and list(other.timestamps[:]) == [2 / 30]


def test_sleap_io_reads_the_file(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    write_nwb(clip(people=(2, 2, 2)), tmp_path / "walk.nwb")
    labels = sio.load_nwb(str(tmp_path / "walk.nwb"))
    people = [one for frame in labels for one in frame.instances]
    expected = [one for frame in clip(people=(2, 2, 2)) for one in frame.instances]
    assert len(people) == 6
    for one, other in zip(people, expected, strict=True):
        assert other.keypoints is not None
        np.testing.assert_allclose(one.numpy(), other.keypoints[:, :2], rtol=1e-6)
        np.testing.assert_allclose(one.points["score"][:16], other.keypoints[:16, 2], rtol=1e-6)


def test_what_sleap_io_writes_is_read(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    from rtmcli.formats.sleap import write_sleap

    write_sleap(clip(people=(2, 2, 2)), tmp_path / "walk.slp")
    labels = sio.load_slp(str(tmp_path / "walk.slp"), open_videos=False)
    sio.save_nwb(labels, str(tmp_path / "walk.nwb"))
    again = list(read_nwb(tmp_path / "walk.nwb"))
    assert [(frame.frame, len(frame.instances)) for frame in again] == [(0, 2), (1, 2), (2, 2)]
    for frame, other in zip(again, clip(people=(2, 2, 2)), strict=True):
        for one, two in zip(frame.instances, other.instances, strict=True):
            assert one.keypoints is not None and two.keypoints is not None
            np.testing.assert_allclose(one.keypoints, two.keypoints, rtol=1e-6)
