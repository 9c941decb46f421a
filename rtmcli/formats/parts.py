"""Parts of a body: boxes of hands, faces and bodies from whole-body records, and refined keypoints merged back."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError, UsageError
from rtmcli.geometry.boxes import clip, keypoints_box
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import Skeleton, load_skeleton, map_keypoints
from rtmcli.skeletons.of_frame import skeleton_of
from rtmcli.zoo.catalogue import class_of_skeleton

# Keypoints below this score do not count for the box of a part.
MIN_SCORE = 0.3
# A part needs this many keypoints for a box.
FEWEST = 3
# The keypoints of a hand lie inside it, so the box is grown.
GROW = 1.2

Place = tuple[str, int]


def part_boxes(frame: Frame, parts: Sequence[str], *, keep: str | None = None) -> Frame:
    """A frame whose instances are the boxes of named parts of its instances.

    Each keeps its person's `id` and score and gets `part` and `of` (its person's place in the frame, counted from 0),
    by which `merge_frames` finds the person. A part with fewer than three keypoints that score 0.3 gets no box.

    Args:
        frame: with keypoints.
        parts: names of parts of its skeleton, such as `lefthand`.
        keep: a skeleton to keep the part's keypoints in (`hand21`); by default the boxes have none.

    Raises:
        UsageError: the skeleton has no such part; the message lists those it has.
        DataError: as `skeleton_of` does.

    Example:
        from rtmcli import part_boxes, read_frames, write_frames

        frames = (part_boxes(frame, ["lefthand", "righthand"]) for frame in read_frames("whole.jsonl"))
        write_frames(frames, "hand_boxes.jsonl")
    """
    whole = skeleton_of(frame)
    for part in parts:
        if part not in whole.parts:
            raise UsageError(f"{whole.name} has no part {part!r}; it has {', '.join(whole.parts) or 'none'}")
    found = [
        made
        for index, person in enumerate(frame.instances)
        for part in parts
        if (made := _part_of(person, index, part, whole, frame, keep)) is not None
    ]
    target = load_skeleton(keep).name if keep else None
    return replace(frame, skeleton=target, instances=found)


def merge_frames(
    frames: Iterable[Frame], refined: Iterable[Frame], *, name: str = "the refined records"
) -> Iterator[Frame]:
    """Write refined keypoints back into the whole-body records they came from.

    Both are in the same order (frames that only one of them has are skipped), so memory holds one frame of each.

    Args:
        frames: the whole-body records.
        refined: records of parts, with `part`, and `id` or `of`, as `part_boxes` and then a pose model leave them.
        name: of the refined records, for error messages.

    Raises:
        DataError: a refined instance has no part, belongs to no person in its frame, or has a skeleton that is not of
            that part; or nothing was written back.

    Example:
        from rtmcli import merge_frames, read_frames, write_frames

        refined = merge_frames(read_frames("whole.jsonl"), read_frames("hands.jsonl"))
        write_frames(refined, "refined.jsonl")
    """
    take = _InStep(refined)
    seen = written = 0
    for frame in frames:
        match = take(frame)
        for one in match.instances if match is not None else ():
            seen += 1
            if one.keypoints is None:
                continue
            assert match is not None
            _write_back(frame, one, match.skeleton, name)
            written += 1
        yield frame
    left = take.rest()
    if not written and (seen or left):
        raise DataError(
            f"{name}: no instance belongs to these records; give the records that --boxes-from read"
        )


def _part_of(
    person: Instance, index: int, part: str, whole: Skeleton, frame: Frame, keep: str | None
) -> Instance | None:
    if person.keypoints is None:
        return None
    skeleton_of(frame, person.keypoints)
    points = person.keypoints[list(whole.parts[part])]  # (P, 3)
    known = points[~np.isnan(points).any(axis=1) & (points[:, 2] >= MIN_SCORE)]
    if len(known) < FEWEST:
        return None
    box = keypoints_box(known[None], grow=GROW)[0].astype(np.float32)
    if frame.width and frame.height:
        box = clip(box[None], (frame.width, frame.height))[0]
    if not (box[2] > box[0] and box[3] > box[1]):
        return None
    target = whole.part_maps.get(part, (None, None))[0]
    label = class_of_skeleton(target) if target else person.label
    return Instance(
        box=box, score=person.score, id=person.id, label=label,
        keypoints=map_keypoints(person.keypoints, f"{whole.name}.{part}", keep) if keep else None,
        extra={"part": part, "of": index},
    )  # fmt: skip


def _write_back(frame: Frame, one: Instance, refined: str | None, name: str) -> None:
    part = one.extra.get("part")
    where = f"{name}, {frame.source} frame {frame.frame}"
    if not isinstance(part, str):
        raise DataError(f"{where}: an instance has no 'part'; make its boxes with 'rtm convert --boxes-from'")
    person = _person_of(one, frame)
    if person is None or person.keypoints is None:
        raise DataError(f"{where}: no person there has {_called(one)}, whose {part} this is")
    if refined is None:
        raise DataError(f"{where}: has no skeleton for its keypoints")
    assert one.keypoints is not None
    whole = skeleton_of(frame, person.keypoints)
    try:
        own, theirs, form = _way_back(whole.name, part, refined)
    except UsageError as error:
        raise DataError(f"{where}: {error}") from None
    points = map_keypoints(one.keypoints, refined, form)
    fresh = points[theirs]  # (P, 3)
    there = ~np.isnan(fresh).any(axis=1)
    person.keypoints[own[there]] = fresh[there]


@lru_cache(maxsize=64)
def _way_back(whole_name: str, part: str, refined: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Indices of a part in the whole skeleton, indices in `form` where their points come from, and that skeleton.

    `form` is the skeleton that the part becomes (hand21), or for the body the refined points' own (coco17).
    """
    whole = load_skeleton(whole_name)
    if part not in whole.parts:
        raise UsageError(f"{whole.name} has no part {part!r}; it has {', '.join(whole.parts) or 'none'}")
    form, chosen = whole.part_maps.get(part, (None, None))
    if chosen is None or form is None:
        form = load_skeleton(refined).name
        chosen = whole.maps.get(form)
    if chosen is None:
        raise UsageError(f"keypoints of {refined} are not the {part} of {whole.name}")
    inside = set(whole.parts[part])
    pairs = [(own, to) for own, to in chosen.pairs if isinstance(own, int) and own in inside]
    # Raises UsageError where there is no map.
    map_keypoints(np.zeros((1, len(load_skeleton(refined)), 3), np.float32), refined, form)
    return np.array([own for own, _ in pairs]), np.array([to for _, to in pairs]), form


def _person_of(one: Instance, frame: Frame) -> Instance | None:
    """By id where the refined instance has one, else by its place in the frame."""
    if one.id is not None:
        return next((person for person in frame.instances if person.id == one.id), None)
    place = one.extra.get("of")
    return frame.instances[place] if isinstance(place, int) and 0 <= place < len(frame.instances) else None


def _called(one: Instance) -> str:
    return f"id {one.id}" if one.id is not None else f"number {one.extra.get('of')}"


class _InStep:
    """Finds the refined frame of a frame, reading no further than needed."""

    def __init__(self, refined: Iterable[Frame]) -> None:
        self._frames = iter(refined)
        # Refined frames of sources that come later.
        self._waiting: dict[Place, Frame] = {}

    def __call__(self, frame: Frame) -> Frame | None:
        wanted = (frame.source, frame.frame)
        if wanted in self._waiting:
            return self._waiting.pop(wanted)
        if any(source == frame.source and number > frame.frame for source, number in self._waiting):
            return None
        for found in self._frames:
            place = (found.source, found.frame)
            if place == wanted:
                return found
            self._waiting[place] = found
            if place[0] == wanted[0] and place[1] > wanted[1]:
                return None  # the refined records lack this frame
        return None

    def rest(self) -> int:
        """The number of refined instances whose frame did not come."""
        frames = [*self._waiting.values(), *self._frames]
        return sum(len(frame.instances) for frame in frames)


def map_frame(target: str) -> Callable[[Frame], Frame]:
    """A function that translates a frame's keypoints to another skeleton (a name or a TOML file).

    A keypoint that the target has and the source has not is NaN (`null` in the record). Raises UsageError where there
    is no map, DataError as `skeleton_of` does.

    Example:
        from rtmcli import map_frame, read_frames, write_openpose

        to_openpose = map_frame("openpose25")
        write_openpose(map(to_openpose, read_frames("walk.jsonl")), "openpose/")
    """
    goal = load_skeleton(target)

    def change(frame: Frame) -> Frame:
        if all(one.keypoints is None for one in frame.instances):
            return replace(frame, skeleton=goal.name if frame.skeleton else None)
        for one in frame.instances:
            one.keypoints = _mapped(one.keypoints, frame, goal)
            one.keypoints3d = _mapped(one.keypoints3d, frame, goal)
        return replace(frame, skeleton=goal.name)

    return change


def _mapped(points: Float32Array | None, frame: Frame, goal: Skeleton) -> Float32Array | None:
    return None if points is None else map_keypoints(points, skeleton_of(frame, points), goal)
