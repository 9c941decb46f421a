"""One evaluation from labels and predictions to figures: the checks, the metrics and what to say about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rtmcli.errors import DataError
from rtmcli.metrics import coco, input_checks, nme
from rtmcli.metrics.distances import ALIGN, distance_figures
from rtmcli.metrics.label_assignment import pair_boxes, pair_keypoints
from rtmcli.metrics.similarity import Annotation
from rtmcli.skeletons import Skeleton


@dataclass(slots=True)
class Report:
    """Figures, and what a table, a plot or records show beside them.

    Attributes:
        title: what was compared, in words.
        figures: by name, in order of display.
        parts: the same figures of each part of a whole body.
        results: the predictions that were compared.
        skeleton: of the keypoints; None where boxes were compared.
        use_area: whether the OKS takes the labels' mask areas.
        errors: of a distance metric, by the result's index: mean error and label. None for COCO's metrics.
        notes: what must be known to read the figures.

    Example:
        from rtmcli import collect_results, evaluate_boxes, read_frames, read_labels

        labels = read_labels("labels.json")
        collected = collect_results(read_frames("found.jsonl"), labels)
        report = evaluate_boxes(labels, collected.results)
        print(report.title, report.figures)
    """

    title: str
    figures: dict[str, float]
    results: Sequence[Annotation]
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    skeleton: Skeleton | None = None
    use_area: bool = True
    errors: dict[int, tuple[float, Annotation]] | None = None
    notes: list[str] = field(default_factory=list)


def default_metrics(
    labels: Mapping[str, Any], results: Sequence[Annotation], skeleton: Skeleton
) -> list[str]:
    """The metrics that a data set of this skeleton is usually evaluated with; `ap` where nothing else is usual."""
    in_space = any("keypoints3d" in result for result in results) and any(
        "keypoints3d" in label for label in labels["annotations"]
    )
    only_in_space = in_space and not any("keypoints" in label for label in labels["annotations"])
    if only_in_space or (in_space and skeleton.name in ("h36m17", "h3wb133")):
        return ["mpjpe", "pa-mpjpe"]
    if skeleton.name == "mpii16":
        return ["pckh"]
    if skeleton.name != "face68" and skeleton.name in (*nme.REFERENCE_POINTS, *nme.BOX_REFERENCE):
        return ["nme"]
    return ["ap"]


def evaluate_precision(
    labels: Mapping[str, Any], results: Sequence[Annotation], skeleton: Skeleton, *, use_area: bool
) -> Report:
    """COCO's average precision and recall of poses that are ranked; CrowdPose's and COCO-WholeBody's figures
    where the labels are theirs. Raises DataError where the labels make no OKS.

    Example:
        from rtmcli import collect_results, evaluate_precision, load_skeleton, rank_poses, read_frames, read_labels

        labels = read_labels("labels.json")
        collected = collect_results(read_frames("found.jsonl"), labels)
        skeleton = load_skeleton("coco17")
        ranked = rank_poses(collected.results, skeleton.sigmas, rank="box-keypoint", oks=0.9)
        report = evaluate_precision(labels, ranked, skeleton, use_area=True)
        print(report.figures["AP"])
    """
    crowdpose = len(skeleton) == 14 and input_checks.is_crowdpose(labels)
    use_area = use_area and not crowdpose
    people, notes = input_checks.check_keypoint_labels(labels, use_area=use_area)
    input_checks.check_points(results, skeleton)
    if not skeleton.own_sigmas:
        notes.append(
            f"{skeleton.name} has no sigmas of its own: the OKS takes {skeleton.sigmas[0]:g} for every keypoint"
        )
    parts: dict[str, dict[str, float]] = {}
    if crowdpose:
        figures = coco.crowdpose_figures(labels, results, skeleton.sigmas)
    elif any("foot_kpts" in a for a in labels["annotations"]):
        parts = coco.wholebody_figures(labels, results, skeleton.sigmas)
        figures = parts.pop("wholebody")
    else:
        figures = coco.keypoint_figures(labels, results, skeleton.sigmas, use_area=use_area)
    title = f"keypoints ({skeleton.name}): {len(results)} poses, {people} labelled people, {_images(labels)}"
    return Report(title, figures, results, parts=parts, skeleton=skeleton, use_area=use_area, notes=notes)


def evaluate_distances(
    labels: Mapping[str, Any],
    results: Sequence[Annotation],
    skeleton: Skeleton,
    metrics: Sequence[str],
    *,
    threshold: float | None = None,
) -> Report:
    """PCK, PCKh, AUC, EPE, NME or MPJPE of poses. Raises DataError where the labels lack what a metric needs.

    Example:
        from rtmcli import collect_results, evaluate_distances, load_skeleton, read_frames, read_labels

        labels = read_labels("labels.json")
        collected = collect_results(read_frames("found.jsonl"), labels)
        report = evaluate_distances(labels, collected.results, load_skeleton("coco17"), ["pck", "epe"])
        print(report.figures)
    """
    if any(name not in ALIGN for name in metrics):
        input_checks.check_points(results, skeleton)
    measured = distance_figures(labels, results, skeleton, metrics, threshold=threshold)
    title = f"keypoints ({skeleton.name}): {len(results)} poses, {measured.people} labelled people, {_images(labels)}"
    return Report(
        title, measured.figures, results, skeleton=skeleton, errors=measured.errors, notes=measured.notes
    )


def evaluate_boxes(labels: Mapping[str, Any], results: Sequence[Annotation]) -> Report:
    """COCO's average precision and recall of boxes. Raises DataError where labels or results have none.

    Example:
        from rtmcli import collect_results, evaluate_boxes, read_frames, read_labels

        labels = read_labels("labels.json")
        collected = collect_results(read_frames("found.jsonl"), labels)
        print(evaluate_boxes(labels, collected.results).figures["AP"])
    """
    count, notes = input_checks.check_box_labels(labels)
    boxes = [result for result in results if "bbox" in result]
    if results and not boxes:
        raise DataError("the predictions have no boxes to compare")
    title = f"boxes: {len(boxes)} found, {count} labelled, {_images(labels)}"
    return Report(title, coco.box_figures(labels, boxes), boxes, notes=notes)


def instance_values(report: Report, labels: Mapping[str, Any]) -> dict[Any, dict[str, Any]]:
    """What each evaluated result reached, by the `id` of the result: `oks`, `iou` or `error`, and the id of its label
    as `truth`.
    """
    if report.errors is not None:
        return {
            report.results[index]["id"]: {"error": round(error, 6), "truth": label.get("id")}
            for index, (error, label) in report.errors.items()
        }
    if report.skeleton is None:
        pairs = pair_boxes(labels, report.results)
    else:
        pairs = pair_keypoints(labels, report.results, report.skeleton.sigmas, use_area=report.use_area)
    return {
        report.results[index]["id"]: {
            value_key(report): round(pair.similarity, 6),
            "truth": None if pair.label is None else pair.label.get("id"),
        }
        for index, pair in pairs.items()
    }


def value_key(report: Report) -> str:
    """The key of `instance_values` that holds the value."""
    if report.errors is not None:
        return "error"
    return "iou" if report.skeleton is None else "oks"


def _images(labels: Mapping[str, Any]) -> str:
    return f"{len(labels['images'])} images"
