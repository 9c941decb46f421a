"""Decoding, detection, pose estimation and output, concurrent and in order.

The media decode in their own threads, `jobs` threads run the networks, and the caller, who iterates over the result,
writes. The unit of work is a segment: a frame, or with `det_every` a frame with a detection and the frames up to the
next detection. Segments depend only on their own pixels, so the result is the same for any number of jobs. Segments
that share batches run in step, as one unit.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from rtmcli.arrays import Image
from rtmcli.geometry.boxes import keypoints_box
from rtmcli.media import Media
from rtmcli.media.interleave import newest_pictures, take_turns
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.picture import Picture
from rtmcli.zoo.card import Card

T = TypeVar("T")
Find = Callable[[Sequence[Image]], list[list[Instance]]]
Pose = Callable[[Sequence[Image], Sequence[Sequence[Instance]]], list[list[Instance]]]

MIN_KEYPOINT_SCORE = 0.3  # a person with a lower mean score is dropped until the next detection
PREFETCH = 4  # frames read ahead of the networks, in addition to those that the decoder holds
GROW = 1.25  # the extent of the last keypoints, grown, is the next box (RTMPose, section 3.4)


@dataclass(slots=True, eq=False)
class Item:
    """A frame in the pipeline.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        frame: its record, to which the pipeline adds the instances; with instances already where the boxes are given.
        more: in a live round: whether another source's frame follows that shares the batch.

    Example:
        import numpy as np

        from rtmcli import Detector, Frame, Item, run_pipeline

        image = np.zeros((480, 640, 3), np.uint8)
        items = [Item(image, Frame(source="camera", frame=0))]
        (done,) = run_pipeline(items, find=Detector())
        print(done.frame.instances)
    """

    image: Image
    frame: Frame
    more: bool = False


Segment = list[tuple[Item, bool]]  # frames of one source in order, and whether to detect on each


def run_pipeline(
    items: Iterable[Item],
    *,
    find: Find | None = None,
    pose: Pose | None = None,
    det_every: int = 1,
    jobs: int = 1,
    live: bool = False,
    batch: int = 1,
) -> Generator[Item, None, None]:
    """Add the instances to the frames.

    Args:
        items: frames in order; an error while iterating over them is raised after the frames before it.
        find: images to boxes (`Detector`), or to poses (`OneStage`); None where the frames hold their boxes.
        pose: boxes to poses (`TopDown`); None leaves boxes.
        det_every: run `find` on every so many frames of a source; the boxes between come from the last keypoints.
            Several sources must take turns of so many frames (`items_of`).
        jobs: threads that run the networks, each on its own frames.
        live: one round at a time, as early as possible: for cameras.
        batch: frames (with `det_every` segments) that go through the networks together: for a GPU.

    Yields:
        The same items, in the same order.

    Example:
        from rtmcli import Detector, TopDown, items_of, open_media, run_pipeline

        detector, pose = Detector(), TopDown()
        with open_media("walk.mp4", max_frames=10) as media:
            items = items_of([media], pose.card)
            for item in run_pipeline(items, find=detector, pose=pose, det_every=5):
                print(item.frame.frame, len(item.frame.instances))
    """
    stop = threading.Event()
    marked = _marked(items, det_every)
    if live or (jobs == 1 and batch == 1):
        # One worker remembers people across units, so frames are returned one by one.
        worker = Worker(find, pose, stop, remember=det_every > 1)
        units: Iterator[list[Segment]] = _rounds(marked)
        work: Callable[[list[Segment]], list[Item]] = worker
    else:
        units = _gathered(_segments(marked, det_every), full=lambda unit: len(unit) == batch)

        def work(unit: list[Segment]) -> list[Item]:
            return Worker(find, pose, stop)(unit)

    # Enough units wait for the workers to continue while this thread is delayed; segments are large.
    depth = 1 if live else jobs + max(1, PREFETCH // (det_every * batch))
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="rtm-pose")
    waiting: deque[Future[list[Item]]] = deque()
    error: BaseException | None = None
    try:
        source = iter(units)
        while True:
            while error is None and len(waiting) < depth:
                try:
                    waiting.append(pool.submit(work, next(source)))
                except StopIteration:
                    break
                except Exception as caught:  # raised after the frames before it
                    error = caught
            if not waiting:
                break
            yield from waiting.popleft().result()
        if error is not None:
            raise error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def items_of(
    media: Sequence[Media], card: Card, *, turn: int | None = None, together: int | None = None
) -> Iterator[Item]:
    """The frames of all sources, each with an empty record.

    Args:
        turn: frames of a file before it is the next file's turn; None: one file after the other. Sources with a live
            one among them come in rounds: the newest frame of each that has one.
        together: frames in such a round, at most: 1 where batches gain nothing, so that each frame is as new as can be.

    Example:
        from rtmcli import TopDown, items_of, open_media

        with open_media("walk.mp4", max_frames=2) as media:
            for item in items_of([media], TopDown().card):
                print(item.frame.time, item.image.shape)
    """
    if any(one.live for one in media):
        with closing(newest_pictures(media, together=together)) as rounds:
            for pictures in rounds:
                for left, picture in zip(reversed(range(len(pictures))), pictures, strict=True):
                    yield _item(picture, card, more=left > 0)
    else:
        with closing(take_turns(media, turn)) as pictures_in_turn:
            for picture in pictures_in_turn:
                yield _item(picture, card)


class Worker:
    """Runs the networks on segments in step, and passes people on to the next frame between detections.

    With `remember` it also passes the people of a source on to its next call.
    """

    def __init__(
        self, find: Find | None, pose: Pose | None, stop: threading.Event, *, remember: bool = False
    ) -> None:
        self._find, self._pose, self._stop = find, pose, stop
        self._last: dict[str, list[Instance]] | None = {} if remember else None

    def __call__(self, segments: Sequence[Segment]) -> list[Item]:
        people: list[list[Instance]] = [[] for _ in segments]
        for step in range(max(len(segment) for segment in segments)):
            if self._stop.is_set():
                break
            column = [
                (number, *segment[step]) for number, segment in enumerate(segments) if step < len(segment)
            ]
            if self._last is not None:
                for number, item, _ in column:
                    people[number] = self._last.get(item.frame.source, [])
            found = self._look([(item, detect, people[number]) for number, item, detect in column])
            for (number, item, _), those in zip(column, found, strict=True):
                people[number] = item.frame.instances = those
                if self._last is not None:
                    self._last[item.frame.source] = those
        return [item for segment in segments for item, _ in segment]

    def _look(self, column: Sequence[tuple[Item, bool, list[Instance]]]) -> list[list[Instance]]:
        """The people in each frame, given those in the frame before it."""
        if self._find is None:
            people = [item.frame.instances for item, _, _ in column]
        else:
            images = [item.image for item, detect, _ in column if detect]
            detected = iter(self._find(images) if images else [])
            people = [
                next(detected) if detect else next_boxes(before, (item.image.shape[1], item.image.shape[0]))
                for item, detect, before in column
            ]
        return people if self._pose is None else self._pose([item.image for item, _, _ in column], people)


def next_boxes(people: Sequence[Instance], size: tuple[int, int]) -> list[Instance]:
    """The boxes of people in the next frame: the extent of their last keypoints, grown.

    Args:
        people: with keypoints, in the last frame.
        size: (W, H) of the image, to which the boxes are clipped.

    Returns:
        Instances with box, score and label; without people whose mean keypoint score is below MIN_KEYPOINT_SCORE.
    """
    limit = np.array([*size, *size], np.float32)
    found = []
    for person in people:
        if person.keypoints is None or not np.nanmean(person.keypoints[:, 2]) >= MIN_KEYPOINT_SCORE:
            continue
        box = np.clip(keypoints_box(person.keypoints[None], grow=GROW)[0], 0, limit).astype(np.float32)
        if box[2] > box[0] and box[3] > box[1]:
            found.append(replace(person, box=box, keypoints=None, keypoints3d=None))
    return found


def _item(picture: Picture, card: Card, *, more: bool = False) -> Item:
    """A frame with an empty record."""
    frame = Frame.from_picture(picture, skeleton=card.skeleton, model=card.name)
    return Item(picture.image, frame, more=more)


def _marked(items: Iterable[Item], det_every: int) -> Iterator[tuple[Item, bool]]:
    """Each item, and whether to detect on it: every so many frames of a source, from its first."""
    counts: dict[str, int] = {}
    for item in items:
        if det_every == 1 or item.frame.frames == 1:
            yield item, True
            continue
        count = counts.get(item.frame.source, 0)
        counts[item.frame.source] = count + 1
        yield item, count % det_every == 0


def _segments(marked: Iterable[tuple[Item, bool]], det_every: int) -> Iterator[Segment]:
    """Frames from one detection to the frame before the next."""
    return _gathered(marked, new=lambda pair: pair[1], full=lambda segment: len(segment) == det_every)


def _rounds(marked: Iterable[tuple[Item, bool]]) -> Iterator[list[Segment]]:
    """One frame of each source that has one."""
    for pairs in _gathered(marked, full=lambda pairs: not pairs[-1][0].more):
        yield [[pair] for pair in pairs]


def _gathered(
    things: Iterable[T], *, new: Callable[[T], bool] = lambda _: False, full: Callable[[list[T]], bool]
) -> Iterator[list[T]]:
    """Consecutive things in groups: a group ends when it is full, or before a thing that begins a new one.

    An error while iterating ends the last group and is raised after it.
    """
    group: list[T] = []
    error: Exception | None = None
    source = iter(things)
    while error is None:
        try:
            thing = next(source)
        except StopIteration:
            break
        except Exception as caught:
            error = caught
            break
        if group and new(thing):
            yield group
            group = []
        group.append(thing)
        if full(group):
            yield group
            group = []
    if group:
        yield group
    if error is not None:
        raise error
