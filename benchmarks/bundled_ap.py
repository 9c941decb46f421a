"""What the bundled models score on the labelled part `val` of a data folder. Prints JSON lines.

    python benchmarks/bundled_ap.py --data DATA [--flip-test] [--detector FILE] [--model FILE]
    python benchmarks/bundled_ap.py --data DATA --engine openvino --precision bfloat16

Three lines: keypoints in the labels' own boxes; keypoints of the whole pipeline (boxes scored above 0.05, one pose per
person as in `rtm pose`, ranked by box score times keypoint scores, OKS-NMS 0.9); the detector's boxes. COCO's figures
by rtm's own evaluation; where pycocotools is installed it must give the same, or the run ends.
"""

import argparse
import contextlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rtmcli.bench.machine import machine
from rtmcli.filters.nms import one_pose_per_person
from rtmcli.formats.coco import plain_result
from rtmcli.formats.coco_boxes import read_coco_boxes
from rtmcli.formats.labels import read_labels
from rtmcli.inference.detector import Detector
from rtmcli.inference.topdown import TopDown
from rtmcli.media import open_media
from rtmcli.metrics.coco import box_figures, keypoint_figures
from rtmcli.metrics.collect_results import collect_results, rank_poses
from rtmcli.metrics.input_checks import keep_images
from rtmcli.records.frame import Frame, Instance

SCORE = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", default=os.environ.get("RTM_DATA"), help="the data folder (default: $RTM_DATA)"
    )
    parser.add_argument("--part", default="val", help="its folder with images/ and person_keypoints.json")
    parser.add_argument("--model", help="pose model; default the bundled one")
    parser.add_argument("--detector", help="detector; default the bundled one")
    parser.add_argument("--det-size", type=int, help="side of the detector's input (default: its card's)")
    parser.add_argument("--engine", default="onnxruntime", help="of both networks")
    parser.add_argument("--precision", help="of both networks")
    parser.add_argument("--flip-test", action="store_true", help="average with the mirrored crop")
    parser.add_argument(
        "--pose-nms", type=float, default=0.7, help="of the pipeline's poses, as `rtm pose`; 1 keeps all"
    )
    parser.add_argument("--only", choices=("true-boxes", "pipeline", "boxes"), help="one of the three lines")
    parser.add_argument("--threads", type=int)
    chosen = parser.parse_args()
    if not chosen.data:
        parser.error("name the data folder with --data or RTM_DATA")
    part = Path(chosen.data) / chosen.part
    common = {"engine": chosen.engine, "precision": chosen.precision, "threads": chosen.threads}
    pose = TopDown(chosen.model, flip_test=chosen.flip_test, **common)
    size = (chosen.det_size, chosen.det_size) if chosen.det_size else None
    detector = Detector(chosen.detector, score_threshold=SCORE, size=size, **common)
    facts = {
        "part": chosen.part, "model": pose.card.name, "flip_test": chosen.flip_test,
        "engine": chosen.engine, "precision": chosen.precision or "float32",
    }  # fmt: skip

    labels_file = part / "person_keypoints.json"
    known = read_coco_boxes(labels_file)
    labels = read_labels(labels_file)
    complete, _ = keep_images(labels, "complete_person_annotations")

    def true_boxes(image: Any, path: str) -> list[Instance]:
        return known.of_file(path) or []

    def found_boxes(image: Any, path: str) -> list[Instance]:
        return detector([image])[0]

    if chosen.only in (None, "true-boxes"):
        report("keypoints, true boxes", labels, frames(part, labels, true_boxes, pose), pose, facts)
    with_detector = {
        **facts, "detector": detector.card.name, "det_size": detector.card.width, "score": SCORE,
        "pose_nms": chosen.pose_nms,
    }  # fmt: skip
    if chosen.only in (None, "pipeline"):
        told = frames(part, complete, found_boxes, pose)
        told = (one_pose_per_person(frame, threshold=chosen.pose_nms) for frame in told)
        report("keypoints, pipeline", complete, told, pose, with_detector)
    if chosen.only in (None, "boxes"):
        report("boxes", complete, frames(part, complete, found_boxes, None), None, with_detector)


def frames(
    part: Path, labels: dict[str, Any], boxes: Callable[[Any, str], list[Instance]], pose: TopDown | None
) -> Iterator[Frame]:
    """A frame a labelled picture: the boxes that `boxes` gives, with their poses unless `pose` is None."""
    for entry in labels["images"]:
        path = str(part / "images" / entry["file_name"])
        for picture in open_media(path):
            people = boxes(picture.image, path)
            if pose is not None:
                people = pose([picture.image], [people])[0]
            skeleton = pose.skeleton.name if pose is not None else None
            yield Frame(source=path, frame=0, frames=1, skeleton=skeleton, instances=people)


def report(
    what: str, labels: dict[str, Any], told: Iterator[Frame], pose: TopDown | None, facts: dict[str, Any]
) -> None:
    """Print one line of figures; boxes where there is no pose model."""
    begun = time.perf_counter()
    gathered = collect_results(told, labels)
    seconds = round(time.perf_counter() - begun, 1)
    if pose is None:
        results = [{k: r[k] for k in ("image_id", "category_id", "bbox", "score")} for r in gathered.results]
        figures = box_figures(labels, results)
    else:
        ranked = rank_poses(gathered.results, pose.skeleton.sigmas, rank="box-keypoint", oks=0.9)
        results = [
            {k: plain_result(r)[k] for k in ("image_id", "category_id", "keypoints", "score")} for r in ranked
        ]
        figures = keypoint_figures(labels, results, pose.skeleton.sigmas)
    agreed = agree_with_pycocotools(labels, results, figures, "bbox" if pose is None else "keypoints")
    rounded = {key: round(value, 4) for key, value in figures.items()}
    line = {
        "what": what,
        **facts,
        "people": len(results),
        **rounded,
        "pycocotools": agreed,
        "seconds": seconds,
    }
    print(json.dumps({**line, **machine()}), flush=True)


def agree_with_pycocotools(
    labels: dict[str, Any], results: list[dict[str, Any]], figures: dict[str, float], kind: str
) -> str:
    """`equal`, or `not installed`; SystemExit where the figures differ."""
    if find_spec("pycocotools") is None:
        return "not installed"
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"info": {}, **labels}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes([dict(r) for r in results]), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    gap = max(abs(a - b) for a, b in zip(evaluation.stats, figures.values(), strict=True))
    if gap > 1e-9:
        raise SystemExit(f"pycocotools differs by {gap:.2g}: {evaluation.stats.tolist()}")
    return "equal"


if __name__ == "__main__":
    main()
