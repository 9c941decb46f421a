"""Decode | detect | crop | pose | write, overlapped and in order.

The media decode in a thread of their own, `jobs` threads run the networks, and whoever iterates here writes. The
unit of work is a shot: a frame, or with `det_every` a frame with a detection and those up to the next one, so that
shots depend on nothing but their own pixels and the result is the same for any number of jobs.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rtmcli.frames import Frame, Instance
from rtmcli.geometry.boxes import keypoints_box
from rtmcli.media import Media
from rtmcli.zoo.card import Card

Image = npt.NDArray[np.uint8]
Find = Callable[[Sequence[Image]], list[list[Instance]]]
Pose = Callable[[Sequence[Image], Sequence[Sequence[Instance]]], list[list[Instance]]]

LOST = 0.3  # a person whose keypoints score less on average is given up until the next detection
GROW = 1.25  # the extent of the last keypoints, grown, is the next box (RTMPose, section 3.4)


@dataclass(slots=True, eq=False)
class Item:
    """A frame under way.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        frame: its record, which the pipeline fills in; with instances already where the boxes are given.
    """

    image: Image
    frame: Frame


def run_pipeline(
    items: Iterable[Item],
    *,
    find: Find | None = None,
    pose: Pose | None = None,
    det_every: int = 1,
    jobs: int = 1,
    live: bool = False,
) -> Iterator[Item]:
    """Fill in the frames' instances.

    Args:
        items: frames in order; an error of theirs is raised here after the frames before it have come out.
        find: pictures to boxes (`Detector`), or to poses (`OneStage`); None where the frames hold their boxes.
        pose: boxes to poses (`TopDown`); None leaves boxes.
        det_every: run `find` on every so many frames of a source; the boxes between come from the last keypoints.
        jobs: threads that run the networks, each on its own shot.
        live: one frame at a time, as early as possible: for a camera.

    Yields:
        The same items, in the same order.
    """
    stop = threading.Event()
    if jobs == 1:
        follower = Follower(find, pose, stop)  # remembers across its units, so frames leave one by one
        shots: Iterator[list[tuple[Item, bool]]] = ([pair] for pair in _marked(items, det_every))
        work: Callable[[Any], list[Item]] = follower
    else:
        shots = _shots(_marked(items, det_every))
        work = lambda shot: Follower(find, pose, stop)(shot)  # noqa: E731
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="rtm-pose")
    waiting: deque[Future[list[Item]]] = deque()
    error: BaseException | None = None
    try:
        source = iter(shots)
        while True:
            while error is None and len(waiting) < (1 if live else jobs + 1):
                try:
                    waiting.append(pool.submit(work, next(source)))
                except StopIteration:
                    break
                except Exception as caught:  # damage in the media: first the frames before it
                    error = caught
            if not waiting:
                break
            yield from waiting.popleft().result()
        if error is not None:
            raise error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def items_of(media: Sequence[Media], card: Card) -> Iterator[Item]:
    """The pictures of all sources, one source after the other, each with an empty record."""
    for one in media:
        with closing(iter(one)) as pictures:  # type: ignore[type-var]
            for picture in pictures:
                frame = Frame(
                    source=picture.source,
                    frame=picture.frame,
                    frames=picture.frames,
                    time=picture.time,
                    width=picture.width,
                    height=picture.height,
                    skeleton=card.skeleton,
                    model=card.name,
                )
                if picture.file is not None:
                    frame.extra["file"] = picture.file
                yield Item(picture.image, frame)


class Follower:
    """Runs the networks over marked frames in order, and carries people from one to the next between detections."""

    def __init__(self, find: Find | None, pose: Pose | None, stop: threading.Event) -> None:
        self._find, self._pose, self._stop = find, pose, stop
        self._people: list[Instance] = []

    def __call__(self, shot: Sequence[tuple[Item, bool]]) -> list[Item]:
        for item, detect in shot:
            if self._stop.is_set():
                break
            if self._find is None:
                people = item.frame.instances
            elif detect:
                people = self._find([item.image])[0]
            else:
                people = follow(self._people, item.image.shape[1::-1])
            if self._pose is not None:
                people = self._pose([item.image], [people])[0]
            self._people = item.frame.instances = people
        return [item for item, _ in shot]


def follow(people: Sequence[Instance], size: tuple[int, int]) -> list[Instance]:
    """Where to look for people in the next frame: the grown extent of their keypoints.

    Args:
        people: with keypoints, in the last frame.
        size: (W, H) of the picture, to which the boxes are clipped.

    Returns:
        Instances with box, score and label; without those who are lost.
    """
    limit = np.array([*size, *size], np.float32)
    found = []
    for person in people:
        if person.keypoints is None or not np.nanmean(person.keypoints[:, 2]) >= LOST:
            continue
        box = np.clip(keypoints_box(person.keypoints[None], grow=GROW)[0], 0, limit).astype(np.float32)
        if box[2] > box[0] and box[3] > box[1]:
            found.append(replace(person, box=box, keypoints=None, keypoints3d=None))
    return found


def _marked(items: Iterable[Item], det_every: int) -> Iterator[tuple[Item, bool]]:
    """Each item, and whether to detect on it: every so many frames of a source, from its first."""
    source, count = None, 0
    for item in items:
        if item.frame.source != source:
            source, count = item.frame.source, 0
        yield item, count % det_every == 0
        count += 1


def _shots(marked: Iterable[tuple[Item, bool]]) -> Iterator[list[tuple[Item, bool]]]:
    """Frames from one detection to the frame before the next. Damage ends the last shot, then is raised."""
    shot: list[tuple[Item, bool]] = []
    error: Exception | None = None
    source = iter(marked)
    while error is None:
        try:
            item, detect = next(source)
        except StopIteration:
            break
        except Exception as caught:
            error = caught
            break
        if detect and shot:
            yield shot
            shot = []
        shot.append((item, detect))
    if shot:
        yield shot
    if error is not None:
        raise error
