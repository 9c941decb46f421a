"""Records as COCO results, ranked and suppressed as a top-down pipeline does before an evaluation."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from rtmcli.arrays import FloatArray
from rtmcli.errors import DataError
from rtmcli.formats.categories import CategoryOf
from rtmcli.formats.coco import result_of
from rtmcli.formats.image_matching import ImageMatcher
from rtmcli.formats.labels import points_of
from rtmcli.geometry.boxes import fix_aspect
from rtmcli.geometry.oks import oks_nms, ranking_scores
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.truncation import FrameCounts

Rank = Literal["box", "box-keypoint"]

# OKS-NMS takes the area of the crop that a pose came from: the box grown by 1.25, in the aspect of a body model's
# input.
_PADDING, _ASPECT = 1.25, 192 / 256


@dataclass(slots=True)
class Collected:
    """All records of a stream as COCO results.

    Attributes:
        results: one per person: `id` is its index, `keypoints` a flat array (NaN: no such point), `bbox`, `score`,
            `unscored` whether the record has no score.
        records: number of records.
        frames: the records, where kept, each with the indices of its instances' results (None: not evaluated).
        images: ids of the labels' images that have a record.
        unmatched: sources of which the labels have no image.
        skeletons, models: names that occur.
        other_labels: number of instances of each class that the labels do not have.
        frame_counts: frames that came of each source.
        notes: what was matched although names differ.
    """

    results: list[dict[str, Any]] = field(default_factory=list)
    records: int = 0
    frames: list[tuple[Frame, list[int | None]]] = field(default_factory=list)
    images: set[Any] = field(default_factory=set)
    unmatched: list[str] = field(default_factory=list)
    skeletons: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    other_labels: dict[str, int] = field(default_factory=dict)
    frame_counts: FrameCounts = field(default_factory=FrameCounts)
    notes: list[str] = field(default_factory=list)


def collect_results(
    frames: Iterable[Frame],
    truth: Mapping[str, Any],
    *,
    ignored: Sequence[Mapping[str, Any]] = (),
    keep_frames: bool = False,
) -> Collected:
    """Read records to the end and find the image of the labels that each belongs to.

    Args:
        ignored: images of the label file that are not evaluated: their records are left out.
        keep_frames: keep the records themselves.

    Example:
        from rtmcli import collect_results, read_frames, read_labels

        labels = read_labels("labels.json")
        collected = collect_results(read_frames("found.jsonl"), labels)
        print(len(collected.results), collected.unmatched)
    """
    collected = Collected()
    matcher = ImageMatcher([*truth["images"], *ignored])
    ignored_ids = {image["id"] for image in ignored}
    category_of = CategoryOf(truth)
    for frame in frames:
        collected.frame_counts.add(frame)
        image = matcher.find(frame)
        rows: list[int | None] = [None] * len(frame.instances)
        collected.records += 1
        if keep_frames:
            collected.frames.append((frame, rows))
        if image is None:
            collected.unmatched.append(_place(frame))
        if image is None or image["id"] in ignored_ids:
            continue
        collected.images.add(image["id"])
        if frame.skeleton is not None:
            collected.skeletons.add(frame.skeleton)
        if frame.model is not None:
            collected.models.add(frame.model)
        for number, instance in enumerate(frame.instances):
            category = category_of(instance)
            if category is None:
                label = str(instance.label)
                collected.other_labels[label] = collected.other_labels.get(label, 0) + 1
                continue
            rows[number] = len(collected.results)
            collected.results.append(_result(instance, image["id"], category, len(collected.results)))
    collected.notes = matcher.notes()
    return collected


def is_onestage(models: Iterable[str]) -> bool:
    """Whether poses come from one-stage models (RTMO), which rank people by their box score and need no OKS-NMS."""
    names = list(models)
    return bool(names) and all(name.startswith("rtmo") for name in names)


def rank_poses(
    results: Sequence[dict[str, Any]], sigmas: FloatArray, *, rank: Rank, oks: float | None
) -> list[dict[str, Any]]:
    """The results that have a pose, with their ranking score, without near-duplicates; `id` stays.

    Example:
        from rtmcli import collect_results, load_skeleton, rank_poses, read_frames, read_labels

        labels = read_labels("labels.json")
        collected = collect_results(read_frames("found.jsonl"), labels)
        skeleton = load_skeleton("coco17")
        ranked = rank_poses(collected.results, skeleton.sigmas, rank="box-keypoint", oks=0.9)
        print(ranked[0]["score"])
    """
    poses = [result for result in results if "keypoints" in result]
    if rank == "box" and any(result["unscored"] for result in poses):
        raise DataError(
            "--rank box needs box scores, and a person has none; --rank box-keypoint takes 1 in its place"
        )
    # COCO's evaluation sizes results by `bbox` where they have one; poses of records are sized by their keypoints.
    sized = [{key: pose[key] for key in pose if key != "bbox"} | {"size": _size(pose)} for pose in poses]
    return rank_and_suppress(sized, sigmas, rank=rank, oks=oks)


def rank_and_suppress(
    poses: Sequence[dict[str, Any]],
    sigmas: FloatArray,
    *,
    rank: Rank = "box-keypoint",
    oks: float | None = 0.9,
) -> list[dict[str, Any]]:
    """Rank the poses of each image and drop near-duplicates, as mmpose's `CocoMetric` does before the evaluation.

    Args:
        poses: results in COCO's form with `score` the box score and `size` the area OKS-NMS uses: the product of
            the padded, aspect-fixed box sides. Of several poses of an image with the same `id` the first counts.
        rank: mode of `geometry.oks.ranking_scores`.
        oks: threshold of OKS-NMS, None for none.

    Returns:
        The kept poses with their ranking `score`, best first where they were suppressed.
    """
    images: dict[Any, dict[Any, dict[str, Any]]] = defaultdict(dict)
    for number, pose in enumerate(poses):
        images[pose["image_id"]].setdefault(pose.get("id", ("no id", number)), pose)
    kept: list[dict[str, Any]] = []
    for group in images.values():
        people = [group[key] for key in sorted(group, key=lambda k: (isinstance(k, tuple), k))]
        points = np.stack([points_of(p) for p in people])  # (N, K, 3)
        scores = ranking_scores(np.array([p["score"] for p in people]), points[..., 2], mode=rank)
        order = np.arange(len(people))
        if oks is not None:
            sizes = np.array([p["size"] for p in people])
            order = oks_nms(points, scores, sizes, sigmas, oks)
        kept += [{**people[i], "score": float(scores[i])} for i in order]
    return kept


def _result(instance: Instance, image: Any, category: Any, number: int) -> dict[str, Any]:
    result = {"id": number, "unscored": instance.score is None, **result_of(instance, image, category)}
    if instance.keypoints3d is not None:
        result["keypoints3d"] = instance.keypoints3d.astype(np.float64)
    return result


def _size(pose: Mapping[str, Any]) -> float:
    """The area that OKS-NMS takes for a pose: that of its crop, or of its points where there is no box."""
    if "bbox" in pose:
        sides = np.array([pose["bbox"][2:]], np.float64) * _PADDING
        return float(fix_aspect(sides, _ASPECT).prod())
    points = pose["keypoints"].reshape(-1, 3)[:, :2]
    known = points[~np.isnan(points).any(axis=1)]
    return float((known.max(axis=0) - known.min(axis=0)).prod()) if len(known) else 0.0


def _place(frame: Frame) -> str:
    name = frame.extra.get("file") or frame.source
    return f"{name} frame {frame.frame}" if frame.frames != 1 and "file" not in frame.extra else str(name)
