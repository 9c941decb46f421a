"""COCO's average precision of a model in an engine, for the values before and after an export."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rtmcli.engines.base import Engine
from rtmcli.errors import DataError
from rtmcli.formats.coco_boxes import read_coco_boxes
from rtmcli.formats.labels import read_labels
from rtmcli.inference.detector import Detector
from rtmcli.inference.onestage import OneStage
from rtmcli.inference.open_model import OpenModel
from rtmcli.inference.topdown import TopDown
from rtmcli.media import open_media
from rtmcli.metrics.coco import box_figures, keypoint_figures
from rtmcli.metrics.collect_results import collect_results, rank_poses
from rtmcli.records.frame import Frame
from rtmcli.skeletons import load_skeleton
from rtmcli.zoo.card import Card

SCORE_THRESHOLD = 0.05


def average_precision(engine: Engine, card: Card, labels_file: Path, images: Path) -> float:
    """AP in 0..1: keypoints on true boxes, keypoints of a one-stage model, or boxes.

    Raises DataError where the labels or their images are missing.
    """
    labels = read_labels(labels_file)
    gathered = collect_results(_frames(OpenModel(engine, card), labels, labels_file, images), labels)
    if card.task == "detector":
        keys = ("image_id", "category_id", "bbox", "score")
        return box_figures(labels, [{k: r[k] for k in keys} for r in gathered.results])["AP"]
    sigmas = load_skeleton(card.skeleton or "coco17").sigmas
    onestage = card.task == "onestage"
    ranked = rank_poses(
        gathered.results, sigmas, rank="box" if onestage else "box-keypoint", oks=None if onestage else 0.9
    )
    return keypoint_figures(labels, ranked, sigmas)["AP"]


def _frames(model: OpenModel, labels: dict[str, Any], labels_file: Path, images: Path) -> Iterator[Frame]:
    find: Detector | OneStage | None = None
    pose: TopDown | None = None
    if model.card.task == "topdown":
        pose, known = TopDown(model), read_coco_boxes(labels_file)
    elif model.card.task == "onestage":
        find = OneStage(model, score_threshold=SCORE_THRESHOLD)
    else:
        find = Detector(model, score_threshold=SCORE_THRESHOLD)
    for entry in labels["images"]:
        path = images / entry.get("file_name", "")
        if not path.is_file():
            raise DataError(f"{path}: no such image, but {labels_file} has labels of it")
        with open_media(path) as media:
            for picture in media:
                if find is not None:
                    people = find([picture.image])[0]
                else:
                    assert pose is not None
                    people = pose([picture.image], [known.of_file(path) or []])[0]
                yield Frame(
                    source=str(path), frame=0, frames=1, skeleton=model.card.skeleton, instances=people
                )
