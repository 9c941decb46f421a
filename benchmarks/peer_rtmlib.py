"""rtmlib's side of `peers.py`: OpenCV decodes, its own `PoseTracker` does the rest. Runs in rtmlib's environment."""

import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from typing import Any

from peer_protocol import serve, settings


class Counted:
    """A detector that counts its runs."""

    def __init__(self, detector: Any) -> None:
        self.detector, self.det_mode, self.runs = detector, detector.det_mode, 0

    def __call__(self, image: Any) -> Any:
        self.runs += 1
        return self.detector(image)


def limit_threads(threads: int, spin: bool) -> None:
    """rtmlib leaves threads to ONNX Runtime, which counts the machine's cores and not the CPUs it is held to."""
    import onnxruntime

    plain = onnxruntime.InferenceSession

    def session(**given: Any) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin)))
        return plain(sess_options=options, **given)

    onnxruntime.InferenceSession = session


def main() -> None:
    given = settings()
    if given["backend"] == "onnxruntime":
        limit_threads(given["threads"], given["spin"])
    import cv2
    import numpy as np
    from rtmlib import Custom, PoseTracker

    solution = partial(
        Custom, det_class="RTMDet", det=given["detector"], det_input_size=(320, 320),
        pose_class="RTMPose", pose=given["pose"], pose_input_size=tuple(given["size"]),
    )  # fmt: skip

    def frames() -> Iterator[Any]:
        for _ in range(given["repeat"]):
            capture = cv2.VideoCapture(given["clip"])
            for _ in range(given["frames"]):
                there, image = capture.read()
                if not there:
                    break
                yield image

    def lap() -> dict[str, Any]:
        tracker.reset()
        tracker.det_model.runs = people = count = 0
        for image in frames():
            people += len(tracker(image)[0])
            count += 1
        return {"frames": count, "people": people / count, "detections": tracker.det_model.runs}

    def look(boxes: list[Any]) -> list[Any]:
        """Each frame's own boxes, and poses of the given ones; the pose network gets RGB, which the tracker forgets."""
        found = []
        for image, given_boxes in zip(frames(), boxes, strict=False):
            own = tracker.det_model(image)
            points = tracker.pose_model(image[:, :, ::-1], bboxes=given_boxes)[0] if given_boxes else []
            found.append({"boxes": np.asarray(own).tolist(), "keypoints": np.asarray(points).tolist()})
        return found

    with contextlib.redirect_stdout(sys.stderr):
        tracker = PoseTracker(
            solution, det_frequency=given["det_every"], tracking=given["tracking"], backend=given["backend"]
        )
    tracker.det_model.score_thr = given["score"]
    tracker.det_model = Counted(tracker.det_model)
    packages = ("rtmlib", given["backend"], "opencv-python", "numpy")
    serve({name: metadata.version(name) for name in packages}, lap, look)


if __name__ == "__main__":
    main()
