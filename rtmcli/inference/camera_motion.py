"""How the camera moved from one frame to the next, from the pixels: sparse optical flow outside of the people's boxes.

The same method as in BoT-SORT (Aharon et al., arXiv 2206.14651, section 3.2), on a small grey image: corners of the
last frame (Shi and Tomasi), their places in this one (Lucas and Kanade, pyramids), and the similarity transform on
which most of them agree (RANSAC).
"""

from dataclasses import dataclass

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array, Image
from rtmcli.opencv import cv2
from rtmcli.records.frame import Frame
from rtmcli.tracking.source_state import Sources

_SIDE = 240  # pixels of the small image's longer side
_CORNERS = 80
_FEWEST = 12  # corners that must agree
_AGREE = 0.5  # and their share of the corners found again
_RADIUS = 1.0  # small pixels within which they agree
# The camera stands where most corners changed by no more than so many grey levels (a tenth of a pixel changes a corner
# by more), or where no edge of the image moved by more than so many small pixels.
_STILL_LEVELS = 3.0
_STILL_PIXELS = 0.15
_ZOOM = 1.3  # a larger change of scale between two frames is an error


@dataclass(slots=True)
class _Last:
    """The frame of a source that the next one is compared with: the last, or the first of those with a still camera.

    Attributes:
        small: (h, w) uint8 grey; None before the first frame.
        corners: (N, 1, 2) places to follow in it, outside of people.
    """

    small: Image | None = None
    corners: Float32Array | None = None


class CameraMotion:
    """Estimates the camera's motion for each frame of a source, about a millisecond a frame.

    Example:
        from rtmcli import CameraMotion, Detector, Frame, Tracker, open_media

        detector, tracker, camera = Detector(), Tracker(), CameraMotion()
        for picture in open_media("walk.mp4", max_frames=5):
            frame = Frame.from_picture(picture, detector([picture.image])[0])
            tracked = tracker(frame, camera(frame, picture.image))
    """

    def __init__(self) -> None:
        self._sources: Sources[_Last] = Sources(lambda _: _Last())

    def __call__(self, frame: Frame, image: Image) -> Float64Array | None:
        """The map (2, 3) of a still point's place in the source's last frame to its place in this one, in pixels.

        None for the first frame and for images, and where it cannot be told: a cut, blur, people all over the image.

        Args:
            frame: its boxes are those of people, whose motion is not the camera's.
            image: (H, W, 3) uint8 BGR.
        """
        if frame.frames == 1:  # an image has no frame before it
            return None
        last = self._sources.of(frame)
        small, scale = _small_grey(image)
        motion = None
        if last.small is not None and last.corners is not None and last.small.shape == small.shape:
            if _stands(last.small, last.corners, small):
                return np.eye(2, 3)
            motion = _motion(last.small, last.corners, small)
        last.small, last.corners = small, _corners(small, frame, scale)
        if motion is not None:
            motion[:, 2] /= scale
        return motion


def _small_grey(image: Image) -> tuple[Image, float]:
    """The image in grey, its longer side at most _SIDE, and its scale."""
    scale = min(1.0, _SIDE / max(image.shape[:2]))
    width, height = (max(1, round(side * scale)) for side in (image.shape[1], image.shape[0]))
    if image.shape[1] > 2 * width:
        # Averaging all pixels of a large image would take longer than all the rest.
        image = np.asarray(
            cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR), np.uint8
        )
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.uint8), scale


def _corners(small: Image, frame: Frame, scale: float) -> Float32Array | None:
    mask = np.full(small.shape, 255, np.uint8)
    for instance in frame.instances:
        if instance.box is not None and np.isfinite(instance.box).all():
            x1, y1, x2, y2 = np.clip(np.rint(instance.box * scale), 0, max(small.shape)).astype(int)
            mask[y1 : y2 + 1, x1 : x2 + 1] = 0
    mask[-1:], mask[:, -1:] = 0, 0  # each corner has a pixel right of and below it
    found = cv2.goodFeaturesToTrack(small, _CORNERS, 0.01, 8, mask=mask)
    return None if found is None or len(found) < _FEWEST else np.asarray(found, np.float32)


def _stands(last: Image, corners: Float32Array, small: Image) -> bool:
    columns, rows = corners.reshape(-1, 2).astype(np.intp).T
    # A corner and the pixels right of and below it: one pixel alone may lie on a ridge.
    changes = [
        np.abs(last[y, x].astype(np.int16) - small[y, x])
        for y, x in ((rows, columns), (rows, columns + 1), (rows + 1, columns))
    ]
    return bool(np.median(np.mean(changes, axis=0)) <= _STILL_LEVELS)


def _motion(last: Image, corners: Float32Array, small: Image) -> Float64Array | None:
    """(2, 3) in pixels of the small image."""
    # OpenCV makes the result itself where None is given; its type stubs ask for an array.
    moved, status, _ = cv2.calcOpticalFlowPyrLK(last, small, corners, None, winSize=(11, 11), maxLevel=3)  # type: ignore[call-overload]
    kept = status.ravel() == 1
    if kept.sum() < _FEWEST:
        return None
    cv2.setRNGSeed(0)
    motion, agree = cv2.estimateAffinePartial2D(
        corners[kept], moved[kept], method=cv2.RANSAC, ransacReprojThreshold=_RADIUS, maxIters=200
    )
    if motion is None or agree.sum() < max(_FEWEST, _AGREE * kept.sum()):
        return None
    zoom = np.hypot(motion[0, 0], motion[1, 0])
    if not 1 / _ZOOM < zoom < _ZOOM:
        return None
    height, width = small.shape
    edges = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64)
    if np.abs(edges @ motion.T - edges[:, :2]).max() < _STILL_PIXELS:
        return np.eye(2, 3)
    return np.asarray(motion, np.float64)
