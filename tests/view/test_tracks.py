"""Records by source and person."""

import numpy as np
import pytest

from rtmcli.records.frame import Frame, Instance
from rtmcli.view.people import describe_people
from rtmcli.view.tracks import collect_clips
from tests.helpers.posed import frame, person


def test_a_person_has_a_row_for_each_record_that_shows_it() -> None:
    (clip,) = collect_clips(
        [frame(0, person(5, 5, 7)), frame(1), frame(2, person(9, 5, 7), person(60, 5, 8))]
    )
    first, second = clip.tracks
    assert (first.id, first.rows, second.id, second.rows) == (7, [0, 2], 8, [2])
    assert first.boxes()[:, 0].tolist() == [5, 9]
    assert first.keypoints()[1].tolist() == person(9, 5).keypoints.tolist()
    assert clip.times().tolist() == [0, 0.1, 0.2] and clip.size() == (192, 128)


def test_people_without_ids_are_counted_in_each_record_and_an_id_twice_is_two_people() -> None:
    (clip,) = collect_clips(
        [frame(0, person(5, 5, None), person(60, 5, None)), frame(1, person(5, 5, 3), person(60, 5, 3))]
    )
    assert [(t.id, t.number, t.rows) for t in clip.tracks] == [
        (None, 1, [0]),
        (None, 2, [0]),
        (3, 0, [1]),
        (3, 1, [1]),
    ]


def test_boxes_without_keypoints_and_keypoints_without_boxes_are_kept() -> None:
    alone = Instance(box=np.array([1, 2, 3, 4], np.float32), score=0.5, id=1)
    bare = person(5, 5, 2)
    bare.box = bare.score = None
    (clip,) = collect_clips([frame(0, alone, bare)])
    assert clip.tracks[0].keypoints().shape == (1, 0, 3)
    assert np.isnan(clip.tracks[1].boxes()).all() and np.isnan(clip.tracks[1].scores()).all()


def test_sources_are_clips_images_are_one_clip_and_a_second_run_is_another() -> None:
    images = [Frame(f"{n}.jpg", 0, 1, None, 64, 48, "coco17", "toy", []) for n in range(3)]
    videos = [frame(0, source="a"), frame(0, source="b"), frame(1, source="a"), frame(0, source="a")]
    clips = collect_clips([*images, *videos])
    assert [(c.name, c.is_images, len(c.frames)) for c in clips] == [
        ("images", True, 3),
        ("a", False, 2),
        ("b", False, 1),
        ("a", False, 1),
    ]
    assert clips[0].times().tolist() == [0, 1, 2]


def test_the_table_counts_gaps_and_finds_an_id_that_may_continue_another() -> None:
    frames = [
        *(frame(n, person(5 + n, 5, 1), person(120, 5, 2)) for n in range(3)),
        frame(3, person(120, 5, 2)),
        frame(4, person(9, 5, 5)),
        frame(5, person(10, 5, 5), person(120, 5, 2)),
    ]
    (clip,) = collect_clips(frames)
    one, two, five = describe_people(clip.tracks, clip.times())
    assert (one.start, one.end, one.frames, one.gaps, one.continues) == (0, 0.2, 3, 0, None)
    assert (two.frames, two.gaps, two.longest_gap) == (5, 1, pytest.approx(0.2))
    assert five.continues == 1 and five.start == 0.4
    assert one.score == pytest.approx(0.9) and one.keypoint_score == pytest.approx(0.6)


def test_angles_are_kept_by_name() -> None:
    first, second = person(5, 5, 1), person(6, 5, 1)
    second.extra["angles"] = {"right_knee": 12.5, "left_knee": None}
    (clip,) = collect_clips([frame(0, first), frame(1, second)])
    assert list(clip.tracks[0].angles) == ["right_knee"]
    assert np.isnan(clip.tracks[0].degrees("right_knee")[0])
    assert clip.tracks[0].degrees("right_knee")[1] == 12.5
