"""How many people get two poses, and what dropping them does to AP. Prints JSON lines, one a threshold.

    rtm pose DATA/val/images --score 0.05 > poses.jsonl
    python benchmarks/pose_duplicates.py poses.jsonl --data DATA

`duplicates` counts, among the poses whose box scores above --score, those whose nearest labelled person (by OKS, above
0.5) has a better pose already. AP is COCO's over all poses of the file, ranked by box score times keypoint scores, with
the evaluation's own OKS-NMS of 0.9 and without it (`AP_raw`).
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.bench.machine import machine
from rtmcli.filters.nms import one_pose_per_person
from rtmcli.formats.labels import read_labels
from rtmcli.geometry.oks import oks_matrix
from rtmcli.metrics.coco import keypoint_figures
from rtmcli.metrics.collect_results import collect_results, rank_poses
from rtmcli.metrics.input_checks import keep_images
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import read_frames
from rtmcli.skeletons import load_skeleton

THRESHOLDS = (None, 0.9, 0.8, 0.7, 0.6, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("poses", help="records of `rtm pose --pose-nms none` over the images")
    parser.add_argument(
        "--data", default=os.environ.get("RTM_DATA"), help="the data folder (default: $RTM_DATA)"
    )
    parser.add_argument(
        "--score", type=float, default=0.4, help="duplicates are counted among boxes above it"
    )
    chosen = parser.parse_args()
    if not chosen.data:
        parser.error("name the data folder with --data or RTM_DATA")
    labels, _ = keep_images(
        read_labels(Path(chosen.data) / "val/person_keypoints.json"), "complete_person_annotations"
    )
    frames = list(read_frames(chosen.poses))
    print(json.dumps({"machine": machine()}), flush=True)
    for threshold in THRESHOLDS:
        kept = frames if threshold is None else [one_pose_per_person(f, threshold=threshold) for f in frames]
        row: dict[str, Any] = {"pose_nms": threshold, "score": chosen.score}
        row |= count(kept, labels, chosen.score)
        row |= {"AP": average_precision(kept, labels, 0.9), "AP_raw": average_precision(kept, labels, None)}
        print(json.dumps(row), flush=True)


def count(frames: Sequence[Frame], labels: dict[str, Any], score: float) -> dict[str, int]:
    """Poses above the score, labelled people with a pose, and further poses of theirs."""
    sigmas = load_skeleton("coco17").sigmas
    ids = {Path(entry["file_name"]).name: entry["id"] for entry in labels["images"]}
    people: dict[int, list[dict[str, Any]]] = {}
    for note in labels["annotations"]:
        if note["num_keypoints"] and not note["iscrowd"]:
            people.setdefault(note["image_id"], []).append(note)
    poses = found = duplicates = 0
    for frame in frames:
        shown = [i for i in frame.instances if i.keypoints is not None and (i.score or 0) > score]
        poses += len(shown)
        known = people.get(ids.get(Path(frame.source).name, -1), [])
        if not shown or not known:
            continue
        truth = np.array([note["keypoints"] for note in known], float).reshape(len(known), -1, 3)
        truth[truth[..., 2] == 0] = np.nan  # a point without a label is not compared
        sizes = np.array([note["area"] for note in known], float)
        points = np.stack([i.keypoints for i in shown if i.keypoints is not None])
        similar = np.stack(
            [
                oks_matrix(points, truth[j : j + 1], np.full(len(points), size), sizes[j : j + 1], sigmas)[
                    :, 0
                ]
                for j, size in enumerate(sizes)
            ],
            axis=1,
        )  # (poses, people)
        matched = similar.argmax(1)[similar.max(1) > 0.5]
        found += len(set(matched.tolist()))
        duplicates += len(matched) - len(set(matched.tolist()))
    return {"poses": poses, "people_found": found, "duplicates": duplicates}


def average_precision(frames: Sequence[Frame], labels: dict[str, Any], oks: float | None) -> float:
    sigmas = load_skeleton("coco17").sigmas
    results = collect_results(iter(frames), labels).results
    ranked = rank_poses(results, sigmas, rank="box-keypoint", oks=oks)
    return round(keypoint_figures(labels, ranked, sigmas)["AP"], 4)


if __name__ == "__main__":
    main()
