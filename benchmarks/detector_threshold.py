"""The score threshold of a detector: the F1-optimal one on the labelled part `val` of a data folder.

    python benchmarks/detector_threshold.py --data DATA [--detector NAME|FILE] [--iou 0.5]

A box counts as found where it overlaps a labelled person by more than `--iou`, each person once, best scores first;
boxes on crowd regions count neither way. Prints one JSON line with the best score and a few others; the best one goes
into the card (`threshold`), where `rtm detect` and `rtm pose` take their default --score from.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from rtmcli.geometry.boxes import from_xywh, iou_matrix
from rtmcli.inference.detector import Detector


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--detector")
    parser.add_argument("--iou", type=float, default=0.5)
    options = parser.parse_args()
    labels = json.loads((options.data / "val" / "person_keypoints.json").read_text())
    detector = Detector(options.detector, score_threshold=0.05, threads=1)
    scores, right, people = [], [], 0
    for image in labels["images"]:
        picture = cv2.imread(str(options.data / "val" / "images" / image["file_name"]))
        own = [a for a in labels["annotations"] if a["image_id"] == image["id"]]
        truth = _boxes([a for a in own if not a["iscrowd"]])
        crowd = _boxes([a for a in own if a["iscrowd"]])
        people += len(truth)
        free = np.ones(len(truth), bool)
        for person in detector([picture])[0]:
            overlap = iou_matrix(person.box[None], truth)[0] * free
            hit = len(truth) > 0 and overlap.max() > options.iou
            if hit:
                free[overlap.argmax()] = False
            elif _inside(person.box, crowd):
                continue
            scores.append(person.score)
            right.append(hit)
    order = np.argsort(-np.array(scores))
    sorted_scores, hits = np.array(scores)[order], np.cumsum(np.array(right)[order])
    precision, recall = hits / np.arange(1, len(hits) + 1), hits / people
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    best = int(f1.argmax())
    row = {"detector": detector.card.name, "people": people, "best": round(float(sorted_scores[best]), 3)}
    for score in (float(sorted_scores[best]), 0.1, 0.15, 0.2, 0.25, 0.3, 0.4):
        at = max(int((sorted_scores > score).sum()) - 1, 0)
        figures = {"F1": f1[at], "precision": precision[at], "recall": recall[at]}
        row[f"at {score:.3f}"] = {name: round(float(value), 3) for name, value in figures.items()}
    print(json.dumps(row))


def _boxes(annotations: list[dict]) -> np.ndarray:
    return from_xywh(np.array([a["bbox"] for a in annotations], np.float32).reshape(-1, 4))


def _inside(box: np.ndarray, regions: np.ndarray) -> bool:
    """Whether more than half of a box lies in one crowd region."""
    low, high = np.maximum(box[:2], regions[:, :2]), np.minimum(box[2:], regions[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    return bool((shared > 0.5 * (box[2:] - box[:2]).prod()).any())


if __name__ == "__main__":
    main()
