"""rtm's side of `peers.py`: what `rtm pose` does, from file to lines."""

from collections.abc import Sequence
from typing import Any

from peer_protocol import serve, settings


def main() -> None:
    given = settings()
    from rtmcli import Detector, TopDown, open_media
    from rtmcli.arrays import Image
    from rtmcli.bench.machine import machine
    from rtmcli.inference.pipeline import items_of, run_pipeline
    from rtmcli.opencv import cv2
    from rtmcli.records.frame import Instance
    from rtmcli.records.ndjson import encode_frame

    cv2.setNumThreads(1)  # as the verbs do
    options: Any = {"engine": given["engine"], "precision": given["precision"], "threads": given["threads"]}
    find = Detector(given["detector"], score_threshold=given["score"], **options)
    pose = TopDown(given["pose"], size=tuple(given["size"]), **options)
    detections = 0

    def counted(images: Sequence[Image]) -> list[list[Instance]]:
        nonlocal detections
        detections += len(images)
        return find(images)

    def frames(det_every: int) -> Any:
        media = [open_media(given["clip"], max_frames=given["frames"]) for _ in range(given["repeat"])]
        items: Any = items_of(media, pose.card)
        return run_pipeline(
            items, find=counted, pose=pose, det_every=det_every, jobs=given["jobs"], batch=given["batch"]
        )

    def lap() -> dict[str, Any]:
        nonlocal detections
        detections = people = count = 0
        for item in frames(given["det_every"]):
            encode_frame(item.frame)
            people += len(item.frame.instances)
            count += 1
        return {"frames": count, "people": people / count, "detections": detections}

    def look(_: list[Any]) -> list[Any]:
        """Each frame's boxes, and their poses."""
        found = []
        for item in frames(1):
            people = item.frame.instances
            found.append(
                {
                    "boxes": [one.box.tolist() for one in people if one.box is not None],
                    "keypoints": [
                        one.keypoints[:, :2].tolist() for one in people if one.keypoints is not None
                    ],
                }
            )
        return found

    serve({**machine(), "engine": [find.engine.facts(), pose.engine.facts()]}, lap, look)


if __name__ == "__main__":
    main()
