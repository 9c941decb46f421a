"""Records gathered as what an evaluation takes: COCO results, ranked and suppressed as a pipeline would."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from rtmcli.arrays import FloatArray
from rtmcli.errors import DataError
from rtmcli.formats.coco import Pictures, points_of, result_of
from rtmcli.geometry.boxes import fix_aspect
from rtmcli.geometry.oks import oks_nms, ranking_scores, soft_oks_nms
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.truncation import Cuts

Rank = Literal["box", "box-keypoint"]

# OKS-NMS sizes a pose by the crop it came from: the box grown by 1.25 to the aspect of a body model's input.
_PADDING, _ASPECT = 1.25, 192 / 256


@dataclass(slots=True)
class Gathered:
    """All records of a stream, told in COCO's terms.

    Attributes:
        results: one a person, with `id` its index; `keypoints` as a flat array (NaN: no point), `bbox`, `score`.
        records: how many came.
        frames: where kept, each record with the results its instances are (None: not evaluated).
        images: ids of the pictures that have a record.
        unmatched: sources whose picture the labels do not know.
        skeletons, models: names that occur.
        other_labels: instances of classes that the labels do not know, by name.
        cuts: sources that ended early.
    """

    results: list[dict[str, Any]] = field(default_factory=list)
    records: int = 0
    frames: list[tuple[Frame, list[int | None]]] = field(default_factory=list)
    images: set[Any] = field(default_factory=set)
    unmatched: list[str] = field(default_factory=list)
    skeletons: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    other_labels: dict[str, int] = field(default_factory=dict)
    cuts: Cuts = field(default_factory=Cuts)


def gather(
    frames: Iterable[Frame],
    truth: Mapping[str, Any],
    *,
    ignored: Sequence[Mapping[str, Any]] = (),
    keep_frames: bool = False,
) -> Gathered:
    """Read records to the end, each put to the picture of the labels it is of.

    `ignored` are pictures of the label file that take no part: their records are passed over without complaint.
    `keep_frames` keeps the records themselves.
    """
    told = Gathered()
    pictures, others = Pictures(truth["images"]), Pictures(ignored)
    classes = {c["name"]: c["id"] for c in truth["categories"] if "name" in c}
    only = truth["categories"][0]["id"] if len(truth["categories"]) == 1 else None
    for frame in frames:
        told.cuts.add(frame)
        image = pictures.find(frame)
        rows: list[int | None] = [None] * len(frame.instances)
        told.records += 1
        if keep_frames:
            told.frames.append((frame, rows))
        if image is None:
            if others.find(frame) is None:
                told.unmatched.append(_place(frame))
            continue
        told.images.add(image["id"])
        if frame.skeleton is not None:
            told.skeletons.add(frame.skeleton)
        if frame.model is not None:
            told.models.add(frame.model)
        for number, instance in enumerate(frame.instances):
            label = instance.label
            category = classes.get(label) if label is not None and classes else only
            if category is None:
                told.other_labels[str(label)] = told.other_labels.get(str(label), 0) + 1
                continue
            rows[number] = len(told.results)
            told.results.append(_result(instance, image["id"], category, len(told.results)))
    return told


def is_onestage(models: Iterable[str]) -> bool:
    """Whether poses come from one-stage models, which rank people by their own score and need no OKS-NMS."""
    names = list(models)
    return bool(names) and all(name.startswith("rtmo") for name in names)


def rank_poses(
    results: Sequence[dict[str, Any]], sigmas: FloatArray, *, rank: Rank, oks: float | None
) -> list[dict[str, Any]]:
    """The results that have a pose, with their ranking score, less near-duplicates; `id` stays."""
    poses = [result for result in results if "keypoints" in result]
    if rank == "box" and any(result["unscored"] for result in poses):
        raise DataError("a person has no box score to rank by; --rank box-keypoint takes 1 for it")
    sized = [{**pose, "size": _size(pose)} for pose in poses]
    return rank_and_suppress(sized, sigmas, rank=rank, oks=oks)


def rank_and_suppress(
    poses: Sequence[dict[str, Any]],
    sigmas: FloatArray,
    *,
    rank: str = "box-keypoint",
    oks: float | None = 0.9,
    soft: bool = False,
) -> list[dict[str, Any]]:
    """What a top-down pipeline hands to the evaluation: poses ranked, near-duplicates dropped, picture by picture.

    Args:
        poses: results in COCO's form with `score` the box score and `size` the area OKS-NMS uses: the product of
            the padded, aspect-fixed box sides. An `id` that came before in the same picture is passed over.
        rank: mode of `geometry.oks.ranking_scores`.
        oks: threshold of OKS-NMS, None for none; `soft` re-scores instead of dropping (mmpose).

    Returns:
        The kept poses with their ranking `score`, best first where they were suppressed.
    """
    pictures: dict[Any, dict[Any, dict[str, Any]]] = defaultdict(dict)
    for number, pose in enumerate(poses):
        pictures[pose["image_id"]].setdefault(pose.get("id", ("no id", number)), pose)
    kept: list[dict[str, Any]] = []
    for group in pictures.values():
        people = [group[key] for key in sorted(group, key=lambda k: (isinstance(k, tuple), k))]
        points = np.stack([points_of(p) for p in people])  # (N, K, 3)
        scores = ranking_scores(np.array([p["score"] for p in people]), points[..., 2], mode=rank)
        order = np.arange(len(people))
        if oks is not None:
            sizes = np.array([p["size"] for p in people])
            suppress = soft_oks_nms if soft else oks_nms
            order = suppress(points, scores, sizes, sigmas, oks)
        kept += [{**people[i], "score": float(scores[i])} for i in order]
    return kept


def _result(instance: Instance, image: Any, category: Any, number: int) -> dict[str, Any]:
    return {"id": number, "unscored": instance.score is None, **result_of(instance, image, category)}


def _size(pose: Mapping[str, Any]) -> float:
    """The area OKS-NMS takes for a pose: its crop's, or that of its points where there is no box."""
    if "bbox" in pose:
        sides = np.array([pose["bbox"][2:]], np.float64) * _PADDING
        return float(fix_aspect(sides, _ASPECT).prod())
    points = pose["keypoints"].reshape(-1, 3)[:, :2]
    known = points[~np.isnan(points).any(axis=1)]
    return float((known.max(axis=0) - known.min(axis=0)).prod()) if len(known) else 0.0


def _place(frame: Frame) -> str:
    name = frame.extra.get("file") or frame.source
    return f"{name} frame {frame.frame}" if frame.frames != 1 and "file" not in frame.extra else str(name)
