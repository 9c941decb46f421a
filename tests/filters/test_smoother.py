"""Smoothing: less jitter, little lag, the same at every resolution and frame rate, sure points before unsure ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtmcli import Frame, Instance, Smoother, Tracker
from rtmcli.errors import UsageError
from tests.helpers.given import box_of, keypoints_of

FPS = 30.0


def moving(
    seconds: float = 6,
    *,
    fps: float = FPS,
    noise: float = 1.5,
    size: float = 200.0,
    times: np.ndarray | None = None,
) -> tuple[list[Frame], np.ndarray, np.ndarray]:
    """Frames of one person whose 4 points swing, the true points (T, 4, 2) and the noisy ones."""
    rng = np.random.default_rng(1)
    t = np.arange(0, seconds, 1 / fps) if times is None else times
    swing = size / 4 * np.sin(2 * np.pi * np.outer(t, [0.0, 0.3, 0.8, 1.2]))  # (T, 4)
    true = np.stack([300 + swing, 300 + 0.5 * swing + np.array([0, 20, 40, 60])], axis=-1)  # (T, 4, 2)
    noisy = true + rng.normal(0, noise, true.shape)
    box = np.array([200, 200, 200 + 0.6 * size, 200 + 0.8 * size])
    frames = []
    for n, points in enumerate(noisy):
        keypoints = np.concatenate([points, np.full((4, 1), 0.8)], axis=1).astype(np.float32)
        person = Instance(
            box=(box + rng.normal(0, noise, 4)).astype(np.float32), score=0.9, keypoints=keypoints, id=1
        )
        frames.append(Frame("clip", n, time=float(t[n]), instances=[person]))
    return frames, true, noisy


def smoothed(frames: list[Frame], smoother: Smoother | None = None) -> np.ndarray:
    smoother = smoother or Smoother()
    return np.array([points_of(smoother(frame)) for frame in frames])


def points_of(frame: Frame) -> np.ndarray:
    keypoints = frame.instances[0].keypoints
    assert keypoints is not None
    return keypoints[:, :2].astype(np.float64)


def roughness(path: np.ndarray) -> float:
    return float(np.sqrt((np.diff(path, 2, axis=0) ** 2).mean()))


def lag_in_frames(raw: np.ndarray, path: np.ndarray, share: float = 0.05) -> float:
    """How far a path is behind at its fastest moments, in frames of its own speed."""
    speed = (raw[4:] - raw[:-4]) / 4  # (T, P, 2)
    behind = ((raw[2:-2] - path[2:-2]) * speed).sum(axis=-1) / np.maximum((speed**2).sum(axis=-1), 1e-9)
    fast = (speed**2).sum(axis=-1)
    return float(np.median(behind[fast >= np.quantile(fast, 1 - share)]))


def test_jitter_falls_and_fast_motion_hardly_lags() -> None:
    frames, true, noisy = moving()
    path = smoothed(frames)
    assert roughness(path) < 0.6 * roughness(noisy)
    assert lag_in_frames(true[:, 2:], path[:, 2:]) < 1


def test_a_point_at_rest_comes_closer_to_where_it_is() -> None:
    frames, true, noisy = moving()
    path = smoothed(frames)
    assert np.abs(path[30:, 0] - true[30:, 0]).std() < 0.5 * np.abs(noisy[30:, 0] - true[30:, 0]).std()


@pytest.mark.parametrize("scale", [2.0, 0.25, 10.0])
def test_coordinates_scaled_smooth_to_the_same_path_scaled(scale: float) -> None:
    frames, _, _ = moving()
    one, other = Smoother(), Smoother()
    for frame in frames:
        (person,) = frame.instances
        assert person.box is not None and person.keypoints is not None
        factor = np.array([scale, scale, 1], np.float32)
        large = replace(person, box=person.box * np.float32(scale), keypoints=person.keypoints * factor)
        a, b = one(frame).instances[0], other(replace(frame, instances=[large])).instances[0]
        np.testing.assert_allclose(keypoints_of(b), keypoints_of(a) * factor, rtol=1e-5)
        np.testing.assert_allclose(box_of(b), box_of(a) * scale, rtol=1e-5)


def test_an_uneven_frame_rate_smooths_to_nearly_the_same_path() -> None:
    rng = np.random.default_rng(5)
    full = np.arange(0, 6, 1 / 60)
    kept = np.sort(rng.choice(len(full), len(full) // 2, replace=False))
    even, _, _ = moving(times=full, noise=0)
    path = smoothed(even)
    uneven = smoothed([even[i] for i in kept])
    wrong = smoothed([replace(even[i], time=n / 60) for n, i in enumerate(kept)])
    error = np.abs(uneven - path[kept]).mean()
    assert error < 0.8 and error < 0.5 * np.abs(wrong - path[kept]).mean()


def test_a_point_that_is_suddenly_unsure_does_not_drag_the_track() -> None:
    frames, true, _ = moving(noise=0.3)
    astray = []
    for n, frame in enumerate(frames):
        keypoints = keypoints_of(frame.instances[0]).copy()
        if 60 <= n < 63:
            keypoints[0] += [80, -60, -0.65]  # elsewhere, scored 0.15
        astray.append(replace(frame, instances=[replace(frame.instances[0], keypoints=keypoints)]))
    path = smoothed(astray)
    assert np.abs(path[55:70, 0] - true[55:70, 0]).max() < 8  # of 100
    sure = []
    for frame in astray:
        keypoints = keypoints_of(frame.instances[0]).copy()
        keypoints[:, 2] = 0.8
        sure.append(replace(frame, instances=[replace(frame.instances[0], keypoints=keypoints)]))
    assert np.abs(smoothed(sure)[55:70, 0] - true[55:70, 0]).max() > 50


def test_a_point_that_stays_unsure_is_believed_in_the_end() -> None:
    frames, _, _ = moving(noise=0.0)
    moved = []
    for n, frame in enumerate(frames):
        keypoints = keypoints_of(frame.instances[0]).copy()
        if n >= 60:
            keypoints[0] += [50, 0, -0.5]
        moved.append(replace(frame, instances=[replace(frame.instances[0], keypoints=keypoints)]))
    path = smoothed(moved)
    assert abs(path[120, 0, 0] - 350) < 2


def test_scores_and_points_that_do_not_exist_stay_as_they_are() -> None:
    frames, _, _ = moving()
    smoother = Smoother()
    for n, frame in enumerate(frames):
        keypoints = keypoints_of(frame.instances[0]).copy()
        if n % 3:
            keypoints[1] = np.nan
        out = smoother(replace(frame, instances=[replace(frame.instances[0], keypoints=keypoints)]))
        result = out.instances[0].keypoints
        assert result is not None and result.dtype == np.float32
        np.testing.assert_array_equal(result[:, 2], keypoints[:, 2])
        np.testing.assert_array_equal(np.isnan(result), np.isnan(keypoints))


def test_a_person_who_was_away_too_long_starts_anew() -> None:
    frames, _, noisy = moving()
    shifted = [replace(f, time=f.time + (5 if f.frame >= 60 else 0)) for f in frames]
    path = smoothed(shifted)
    np.testing.assert_allclose(path[60], noisy[60], atol=1e-3)
    assert np.abs(path[59] - noisy[59]).max() > 0.1


def test_people_without_an_id_get_one_and_keep_it() -> None:
    frames, _, _ = moving(1)
    bare = [replace(f, instances=[replace(f.instances[0], id=None)]) for f in frames]
    smoother = Smoother()
    assert [smoother(frame).instances[0].id for frame in bare] == [1] * len(bare)
    np.testing.assert_array_equal(smoothed(bare), smoothed(frames))


def test_a_weak_person_without_an_id_gets_one_in_the_first_frame() -> None:
    first = moving(1)[0][0]
    weak = replace(first.instances[0], id=None, score=0.2)
    assert Smoother()(replace(first, instances=[weak])).instances[0].id == 1


def test_in_a_tracked_stream_one_without_an_id_passes_as_it_is() -> None:
    frames, _, _ = moving(1)
    smoother = Smoother()
    for frame in frames:
        stranger = replace(frame.instances[0], id=None)
        out = smoother(replace(frame, instances=[frame.instances[0], stranger]))
        assert out.instances[1] is stranger and out.instances[0].id == 1


def test_poses_in_metres_are_smoothed_too() -> None:
    rng = np.random.default_rng(0)
    smoother, raw, out = Smoother(), [], []
    for n in range(60):
        deep = np.concatenate(
            [rng.normal(0, 0.02, (5, 3)) + [[0, 0, k / 5] for k in range(5)], np.ones((5, 1))], axis=1
        )
        person = Instance(id=1, keypoints3d=deep.astype(np.float32))
        raw.append(deep[:, :3])
        out.append(smoother(Frame("s", n, time=n / 30, instances=[person])).instances[0].keypoints3d[:, :3])
    assert roughness(np.array(out)) < 0.6 * roughness(np.array(raw))


def test_a_pose_of_another_skeleton_under_the_same_id_starts_anew() -> None:
    smoother = Smoother()
    for n, k in enumerate((4, 7)):
        points = np.full((k, 3), 10.0 * (n + 1), np.float32)
        out = smoother(Frame("s", n, time=n / 30, instances=[Instance(id=1, keypoints=points)]))
        np.testing.assert_array_equal(out.instances[0].keypoints, points)


def test_state_is_bounded_by_the_people_of_the_last_second() -> None:
    smoother = Smoother()
    for n in range(2000):
        person = Instance(id=n, box=np.array([0, 0, 9, 9], np.float32))
        smoother(Frame("s", n, time=n / 30, instances=[person]))
    (entry,) = smoother._sources._entries.values()
    assert len(entry.state.people) <= 32


def test_a_filter_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="oneeuro"):
        Smoother("kalman")


@pytest.fixture(scope="module")
def dance(data_dir: Path) -> list[Frame]:
    """The dancer of dance_single.mp4, 8 seconds, found by the bundled models and tracked."""
    from rtmcli import Detector, TopDown, open_media

    detector, pose, tracker = Detector(), TopDown(), Tracker()
    frames = []
    for picture in open_media(str(data_dir / "videos" / "dance_single.mp4"), max_frames=240):
        boxes = detector([picture.image])
        best = [sorted(boxes[0], key=lambda i: -(i.score or 0))[:1]]
        people = pose([picture.image], best)[0]
        frames.append(tracker(Frame("dance", picture.frame, time=picture.time, instances=people)))
    return [frame for frame in frames if frame.instances]


def test_on_a_real_dancer_jitter_falls_by_a_third_and_the_wrists_lag_less_than_a_frame(
    dance: list[Frame],
) -> None:
    raw = np.array([points_of(frame) for frame in dance])  # (T, 17, 2)
    sure = np.array([keypoints_of(frame.instances[0])[:, 2] > 0.5 for frame in dance])
    path = smoothed(dance)
    three = sure[2:] & sure[1:-1] & sure[:-2]

    def rough(points: np.ndarray) -> float:
        return float(np.sqrt((np.diff(points, 2, axis=0)[three] ** 2).mean()))

    assert rough(path) <= 0.7 * rough(raw)
    assert lag_in_frames(raw[:, 9:11], path[:, 9:11]) < 1


def test_a_box_is_smoothed_alike_whether_a_pose_comes_with_it_or_later() -> None:
    rng = np.random.default_rng(3)
    boxes = np.float32([100, 100, 200, 400] + rng.normal(0, 3, (30, 4)))
    pose = np.float32(rng.uniform(100, 200, (17, 3)))
    alone, later = Smoother(), Smoother()
    for n, box in enumerate(boxes):
        bare = Instance(id=1, box=box)
        posed = bare.changed(keypoints=pose) if n > 10 else bare
        wanted = alone(Frame("s", n, time=n / 30, instances=[bare])).instances[0]
        got = later(Frame("s", n, time=n / 30, instances=[posed])).instances[0]
        np.testing.assert_array_equal(got.box, wanted.box)
    assert not np.array_equal(wanted.box, boxes[-1])


def test_an_id_that_is_twice_in_a_frame_is_smoothed_one_after_the_other() -> None:
    smoother = Smoother()
    for n in range(3):
        twice = [Instance(id=1, box=np.float32([0, 0, 10 + n + k, 20])) for k in range(2)]
        first, second = smoother(Frame("s", n, time=n / 30, instances=twice)).instances
    assert first.box is not None and second.box is not None
    assert 10 < first.box[2] < second.box[2] < 13
