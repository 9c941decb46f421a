"""COCO's figures for keypoints and boxes, equal to pycocotools' and xtcocotools'. Numpy alone.

Labels and results come in COCO's form: `truth` is a parsed label file (`images`, `annotations`, `categories`),
`results` a list of `{"image_id", "category_id", "score", "keypoints" or "bbox"}`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rtmcli.arrays import FloatArray
from rtmcli.metrics.matching import ANY, LARGE, MEDIUM, SMALL, Curves, Matches, accumulate, match_image
from rtmcli.metrics.similarity import BODY, Annotation, box_groups, keypoint_groups

BOX_RANGES = (ANY, SMALL, MEDIUM, LARGE)

WHOLEBODY_PARTS = {
    "body": BODY,
    "foot": slice(17, 23),
    "face": slice(23, 91),
    "lefthand": slice(91, 112),
    "righthand": slice(112, 133),
}


def keypoint_figures(
    truth: Mapping[str, Any],
    results: Sequence[Annotation],
    sigmas: FloatArray,
    *,
    use_area: bool = True,
    part: slice | None = None,
) -> dict[str, float]:
    """COCO's ten keypoint figures in 0..1; -1 where no label falls in the range.

    Args:
        sigmas: (K,) of the whole skeleton.
        use_area: False takes 0.53 of the label's box in place of its mask area (CrowdPose, Halpe).
        part: evaluate these points alone, with the same instance scores (COCO-WholeBody).
    """
    return _ten(keypoint_curves(truth, results, sigmas, use_area=use_area, part=part))


def keypoint_curves(
    truth: Mapping[str, Any],
    results: Sequence[Annotation],
    sigmas: FloatArray,
    *,
    use_area: bool = True,
    part: slice | None = None,
    images: set[Any] | None = None,
) -> Curves:
    """Precision and recall over the area ranges all, medium, large; arguments as `keypoint_figures`.

    `images` limits the evaluation to these ids.
    """
    ranges = (ANY, MEDIUM, LARGE)
    classes = [
        [match_image(group.candidates, ranges) for group in groups]
        for groups in keypoint_groups(truth, results, sigmas, use_area=use_area, part=part, images=images)
    ]
    return accumulate(classes, len(ranges))


def wholebody_figures(
    truth: Mapping[str, Any], results: Sequence[Annotation], sigmas: FloatArray
) -> dict[str, dict[str, float]]:
    """The ten figures of COCO-WholeBody for each part and for `wholebody`."""
    parts: dict[str, slice | None] = {**WHOLEBODY_PARTS, "wholebody": None}
    return {name: keypoint_figures(truth, results, sigmas, part=part) for name, part in parts.items()}


def crowdpose_figures(
    truth: Mapping[str, Any], results: Sequence[Annotation], sigmas: FloatArray
) -> dict[str, float]:
    """CrowdPose's nine figures: AP, AR, and AP of easy, medium and hard images (by their `crowdIndex`).

    As its tool counts: box areas, and the mean of the whole precision array to four decimals for the last three.
    """
    curves = keypoint_curves(truth, results, sigmas, use_area=False)
    figures = {
        key: value
        for key, value in _ten(curves).items()
        if key in ("AP", "AP50", "AP75", "AR", "AR50", "AR75")
    }
    crowding = {image["id"]: image["crowdIndex"] for image in truth["images"]}
    for key, low, high in (("APE", 0.0, 0.2), ("APM", 0.2, 0.8), ("APH", 0.8, np.inf)):
        images = {i for i, index in crowding.items() if low <= index < high}
        subset = keypoint_curves(truth, results, sigmas, use_area=False, images=images)
        figures[key] = round(float(subset.precision[..., 0].mean()), 4)
    return figures


def box_figures(truth: Mapping[str, Any], results: Sequence[Annotation]) -> dict[str, float]:
    """COCO's twelve box figures in 0..1; -1 where no label falls in the range."""
    classes = _box_matches(truth, results)
    curves = accumulate(classes, len(BOX_RANGES))
    figures = {
        "AP": curves.average_precision(),
        "AP50": curves.average_precision(0.5),
        "AP75": curves.average_precision(0.75),
        **{f"AP{name}": curves.average_precision(area=a) for a, name in enumerate("SML", start=1)},
    }
    for keep in (1, 10):
        figures[f"AR{keep}"] = accumulate(classes, len(BOX_RANGES), keep=keep).average_recall()
    figures["AR100"] = curves.average_recall()
    return figures | {f"AR{name}": curves.average_recall(area=a) for a, name in enumerate("SML", start=1)}


def box_curves(truth: Mapping[str, Any], results: Sequence[Annotation]) -> Curves:
    """Precision and recall over the area ranges all, small, medium, large."""
    return accumulate(_box_matches(truth, results), len(BOX_RANGES))


def _box_matches(truth: Mapping[str, Any], results: Sequence[Annotation]) -> list[list[Matches]]:
    return [[match_image(g.candidates, BOX_RANGES) for g in groups] for groups in box_groups(truth, results)]


def _ten(curves: Curves) -> dict[str, float]:
    return {
        "AP": curves.average_precision(),
        "AP50": curves.average_precision(0.5),
        "AP75": curves.average_precision(0.75),
        "APM": curves.average_precision(area=1),
        "APL": curves.average_precision(area=2),
        "AR": curves.average_recall(),
        "AR50": curves.average_recall(0.5),
        "AR75": curves.average_recall(0.75),
        "ARM": curves.average_recall(area=1),
        "ARL": curves.average_recall(area=2),
    }
