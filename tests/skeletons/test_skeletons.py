"""Skeletons: every file loads and is sound, names are found, maps move points where they belong."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from rtmcli.errors import DataError, UsageError
from rtmcli.skeletons import Skeleton, load_skeleton, map_keypoints, skeleton_names

MAPS = [
    (name, target)
    for name in skeleton_names()
    for target in sorted(load_skeleton(name).maps)
    if name != target
]


def points_of(skeleton: Skeleton) -> np.ndarray:
    k = len(skeleton)
    return np.stack([np.arange(k), 1000 + np.arange(k), np.linspace(0.2, 0.9, k)], axis=1).astype(np.float32)


def test_all_thirty_five_skeletons_ship_with_their_number_of_points_in_the_name() -> None:
    names = skeleton_names()
    assert len(names) == 35
    for name in names:
        digits = [int(run) for run in "".join(c if c.isdigit() else " " for c in name).split()]
        assert len(load_skeleton(name)) in digits or name == "mpi_inf_3dhp17"


@pytest.mark.parametrize("name", skeleton_names())
def test_a_skeleton_is_sound(name: str) -> None:
    skeleton = load_skeleton(name)
    k = len(skeleton)
    assert skeleton.name == name
    assert (skeleton.flip[skeleton.flip] == np.arange(k)).all()
    assert len(skeleton.colors) == k and len(skeleton.link_colors) == len(skeleton.links)
    assert skeleton.sigmas.shape == (k,) and skeleton.weights.shape == (k,)
    assert not set(skeleton.upper) & set(skeleton.lower)
    for left, right in zip(skeleton.keypoints, np.array(skeleton.keypoints)[skeleton.flip], strict=True):
        if left.startswith("left_"):
            assert right == left.replace("left_", "right_", 1)


def test_coco17_is_the_skeleton_everybody_knows() -> None:
    skeleton = load_skeleton("coco17")
    assert (
        skeleton.keypoints[:3] == ("nose", "left_eye", "right_eye")
        and skeleton.keypoints[16] == "right_ankle"
    )
    assert skeleton.sigmas[0] == 0.026 and skeleton.sigmas[16] == 0.089 and skeleton.own_sigmas
    assert skeleton.parts["head"] == (0, 1, 2, 3, 4)
    assert skeleton.upper == tuple(range(11)) and skeleton.lower == tuple(range(11, 17))


def test_an_alias_is_the_same_object_of_data() -> None:
    assert load_skeleton("wholebody").name == "coco133"
    assert load_skeleton("body_25").name == "openpose25"


def test_a_misspelt_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="did you mean halpe26"):
        load_skeleton("halp26")


@pytest.mark.parametrize(("source", "target"), MAPS)
def test_a_map_fills_each_point_at_most_once_and_within_the_target(source: str, target: str) -> None:
    chosen = load_skeleton(source).maps[target]
    filled = [to for _, to in chosen.pairs] + list(chosen.derived)
    assert len(set(filled)) == len(filled)
    assert max(filled) < len(load_skeleton(target))


@pytest.mark.parametrize(("source", "target"), MAPS)
def test_points_come_back_from_a_map_and_its_reverse(source: str, target: str) -> None:
    if source not in load_skeleton(target).maps:
        return
    points = points_of(load_skeleton(source))
    back = map_keypoints(map_keypoints(points, source, target), target, source)
    kept = ~np.isnan(back).any(axis=1)
    exact = [own for own, _ in load_skeleton(source).maps[target].pairs]
    returned = [i for i in exact if kept[i]]
    assert returned
    np.testing.assert_array_equal(back[returned], points[returned])


def test_mapping_keeps_left_and_right_names() -> None:
    for source, target in itertools.product(
        ["coco17", "halpe26", "coco133"], ["coco17", "halpe26", "openpose25"]
    ):
        if source == target:
            continue
        a, b = load_skeleton(source), load_skeleton(target)
        if target in a.maps:
            for own, to in a.maps[target].pairs:
                side = {"l": "left", "r": "right"}
                for short, long in side.items():
                    if a.keypoints[own].startswith(long + "_") and "toe" not in a.keypoints[own]:
                        assert b.keypoints[to].lower().startswith((long, short)), (source, target, own, to)


def test_a_derived_point_is_the_mean_scored_by_the_weakest() -> None:
    points = points_of(load_skeleton("coco17"))
    mapped = map_keypoints(points, "coco17", "halpe26")
    np.testing.assert_allclose(mapped[18, :2], points[[5, 6], :2].mean(axis=0))
    assert mapped[18, 2] == points[5, 2]
    assert np.isnan(mapped[17]).all()


def test_a_hand_is_taken_out_of_a_whole_body() -> None:
    body = load_skeleton("coco133")
    points = points_of(body)
    np.testing.assert_array_equal(
        map_keypoints(points, "coco133.lefthand", "hand21"), points[list(body.parts["lefthand"])]
    )


def test_skeletons_without_a_map_of_their_own_go_by_way_of_coco17() -> None:
    mapped = map_keypoints(points_of(load_skeleton("mpii16")), "mpii16", "openpose18")
    assert mapped[4, 0] == 10  # right wrist


def test_no_way_between_two_skeletons_says_what_there_is() -> None:
    with pytest.raises(UsageError, match="hand21 cannot become coco17"):
        map_keypoints(points_of(load_skeleton("hand21")), "hand21", "coco17")


def test_points_that_do_not_fit_the_skeleton_are_refused() -> None:
    with pytest.raises(DataError, match="coco17 has 17 keypoints, got 26"):
        map_keypoints(points_of(load_skeleton("halpe26")), "coco17", "halpe26")


def test_a_file_of_your_own_may_use_names(tmp_path: Path) -> None:
    file = tmp_path / "stick.toml"
    file.write_text(
        'name = "stick"\nkeypoints = ["top", "left_end", "right_end"]\n'
        'links = [["top", "left_end"], [0, 2]]\nflip = [["left_end", "right_end"]]\n'
    )
    stick = load_skeleton(str(file))
    assert stick.links == ((0, 1), (0, 2))
    assert stick.flip.tolist() == [0, 2, 1]
    assert not stick.own_sigmas and len(stick.sigmas) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('keypoints = ["a"]', "'name' is missing"),
        ('name = "x"\nkeypoints = ["a", "a"]', "different names"),
        ('name = "x"\nkeypoints = ["a", "b"]\nlinks = [["a", "bb"]]', "no keypoint 'bb'; did you mean b"),
        ('name = "x"\nkeypoints = ["a", "b"]\nlinks = [[0, 2]]', "index 2 is not within 2"),
        ('name = "x"\nkeypoints = ["a", "b"]\nflip = [[0, 1], [1, 0]]', "twice"),
        ('name = "x"\nkeypoints = ["a", "b"]\nsigmas = [0.1]', "2 positive numbers"),
        ('name = "x"\nkeypoints = ["a", "b"]\nsigma = [0.1, 0.1]', "did you mean sigmas"),
        ('name = "x"\nkeypoints = ["a", "b"]\n[parts]\nall = [0, 3]', "not within 2 keypoints"),
        ("name = ", "is not TOML"),
    ],
)
def test_a_file_that_is_no_skeleton_says_why(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        load_skeleton(str(file))
