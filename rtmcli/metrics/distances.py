"""The metrics of distance between a pose and its label: PCK, PCKh, AUC, EPE, NME and MPJPE.

Every labelled person is compared with one prediction: the one of the image whose box has the highest IoU, or
whose points are nearest where the predictions have no boxes; each prediction is used once. A labelled person without a
prediction counts as wrong in PCK, PCKh and AUC, and is left out of EPE, NME and MPJPE (a note says how many).

Labels and results come in COCO's form, as in `metrics.coco`; `keypoints3d` are rows [x, y, z, visibility] in metres.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array
from rtmcli.errors import DataError
from rtmcli.metrics import nme, pck
from rtmcli.metrics.mpjpe import Align, joint_errors
from rtmcli.metrics.pose_pairs import PosePairs, box_of, pair_poses
from rtmcli.metrics.similarity import Annotation
from rtmcli.skeletons import Skeleton

DistanceMetric = Literal["pck", "pckh", "auc", "epe", "nme", "mpjpe", "pa-mpjpe", "n-mpjpe"]

ALIGN: dict[str, Align] = {"mpjpe": "none", "n-mpjpe": "scale", "pa-mpjpe": "procrustes"}
# Usual thresholds: of the longer side of the box (Simon et al., CVPR 2017), and of the head (MPII).
THRESHOLDS = {"pck": 0.2, "pckh": 0.5}

# MPII's head size is this share of the diagonal of the head box (SC_BIAS in its evaluation code).
_HEAD_BIAS = 0.6
# The two points of a head, for labels without head boxes.
_HEAD_SEGMENTS = {
    "mpii16": ("upper_neck", "head_top"),
    "posetrack17": ("head_bottom", "head_top"),
    "mpi_inf_3dhp17": ("neck", "head_top"),
}
_MILLIMETRES = 1000.0


@dataclass(slots=True)
class Distances:
    """Figures of an evaluation, and how far off each person is.

    Attributes:
        figures: by name, in the order of the metrics asked for.
        errors: for each result that was compared, its index, and the mean distance of its points in pixels
            (millimetres for metrics in space) and its label.
        notes: what must be known to read the figures.
        people: labelled people compared.
    """

    figures: dict[str, float] = field(default_factory=dict)
    errors: dict[int, tuple[float, Annotation]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    people: int = 0


def distance_figures(
    truth: Mapping[str, Any],
    results: Sequence[Annotation],
    skeleton: Skeleton,
    metrics: Sequence[str],
    *,
    threshold: float | None = None,
) -> Distances:
    """Compare predictions with labels.

    Args:
        metrics: names of `DistanceMetric`.
        threshold: of PCK or PCKh, as a share of their reference length; default `THRESHOLDS`.

    Raises:
        DataError: the labels lack what a metric needs: points in space, head sizes, a reference length.
    """
    measured = Distances()
    in_space = [name for name in metrics if name in ALIGN]
    if in_space:
        _space_figures(measured, truth, results, skeleton, in_space)
    if len(in_space) == len(metrics):
        return measured
    pairs = pair_poses(truth, results, skeleton, in_space=False)
    measured.people = len(pairs.labels)
    missing = int(np.isnan(pairs.found).all(axis=(1, 2)).sum())
    if missing:
        measured.notes.append(f"{missing} of {len(pairs.labels)} labelled people have no prediction")
    flat_errors = np.linalg.norm(pairs.found[..., :2] - pairs.truth[..., :2], axis=-1)  # (N, K)
    _add_errors(measured, pairs, flat_errors)
    for name in metrics:
        if name not in ALIGN:
            measured.figures |= _flat_figures(name, pairs, skeleton, threshold, measured.notes)
    return measured


def _add_errors(measured: Distances, pairs: PosePairs, errors: Float64Array) -> None:
    """Note the mean error of each prediction over its labelled points, of errors (N, K)."""
    counted = np.where(pairs.mask, errors, np.nan)
    for label, index, row in zip(pairs.labels, pairs.results, counted, strict=True):
        if index is not None and not np.isnan(row).all():
            measured.errors[index] = (float(np.nanmean(row)), label)


def _flat_figures(
    name: str, pairs: PosePairs, skeleton: Skeleton, threshold: float | None, notes: list[str]
) -> dict[str, float]:
    found, truth, mask = pairs.found[..., :2], pairs.truth[..., :2], pairs.mask
    if name == "auc":
        return {"AUC": pck.auc(found, truth, mask)}
    if name == "epe":
        return {"EPE": pck.epe(found, truth, mask)}
    if name == "nme":
        return {"NME": nme.nme(found, truth, mask, _face_lengths(pairs, skeleton))}
    limit = THRESHOLDS[name] if threshold is None else threshold
    if name == "pck":
        sides = np.array([box_of(label)[2:] for label in pairs.labels]).max(axis=1)
        return {f"PCK@{limit:g}": _mean_pck(found, truth, mask, limit, sides)}
    heads = _head_sizes(pairs, skeleton, notes)
    if skeleton.name == "mpii16" and limit == THRESHOLDS["pckh"]:
        return pck.mpii_pckh(found, truth, mask & (heads > 0)[:, None], np.where(heads > 0, heads, 1))
    return {f"PCKh@{limit:g}": _mean_pck(found, truth, mask, limit, heads)}


def _mean_pck(
    found: Float64Array, truth: Float64Array, mask: BoolArray, limit: float, lengths: Float64Array
) -> float:
    norm = np.stack([lengths, lengths], axis=1)
    return pck.pck(found, truth, mask, threshold=limit, norm=norm)[1]


def _face_lengths(pairs: PosePairs, skeleton: Skeleton) -> Float64Array:
    """(N,) reference length of NME: two points of the label, or for AFLW the size of the box."""
    if skeleton.name in nme.BOX_REFERENCE:
        # mmpose's label files of AFLW have `box_size`.
        sizes = [label.get("box_size") or np.sqrt(np.prod(box_of(label)[2:])) for label in pairs.labels]
        return np.array(sizes, np.float64)
    if skeleton.name not in nme.REFERENCE_POINTS:
        known = ", ".join([*nme.REFERENCE_POINTS, *nme.BOX_REFERENCE])
        raise DataError(f"NME has no reference length for {skeleton.name}; it has one for {known}")
    points = nme.REFERENCE_POINTS[skeleton.name]
    labelled = pairs.mask[:, points].all(axis=1)
    return np.where(labelled, nme.reference_lengths(pairs.truth[..., :2], points), 0.0)


def _head_sizes(pairs: PosePairs, skeleton: Skeleton, notes: list[str]) -> Float64Array:
    """(N,) head sizes in pixels, 0 where unknown: `head_size`, or of the box `bbox_head` (x, y, width, height)."""
    sizes = np.zeros(len(pairs.labels))
    for row, label in enumerate(pairs.labels):
        if label.get("head_size"):
            sizes[row] = label["head_size"]
        elif label.get("bbox_head"):
            sizes[row] = _HEAD_BIAS * np.hypot(*label["bbox_head"][2:])
    if (sizes > 0).any():
        return sizes
    if skeleton.name not in _HEAD_SEGMENTS:
        raise DataError(
            "the labels have no head sizes for PCKh; give each annotation 'head_size' (pixels) or 'bbox_head' "
            "(x, y, width, height), or use --metric pck"
        )
    neck, top = (skeleton.keypoints.index(point) for point in _HEAD_SEGMENTS[skeleton.name])
    notes.append(
        "the labels have no head sizes (head_size or bbox_head): PCKh takes the distance from neck to top of the head"
    )
    known = pairs.mask[:, [neck, top]].all(axis=1)
    return np.where(known, np.linalg.norm(pairs.truth[:, neck, :2] - pairs.truth[:, top, :2], axis=1), 0.0)


def _space_figures(
    measured: Distances,
    truth: Mapping[str, Any],
    results: Sequence[Annotation],
    skeleton: Skeleton,
    metrics: Sequence[str],
) -> None:
    """MPJPE in millimetres after the root's position is taken from both."""
    pairs = pair_poses(truth, results, skeleton, in_space=True)
    root = _root(skeleton)
    measured.people = len(pairs.labels)
    wanted = _centred(pairs.truth, root)  # (N, K, 3)
    given = _centred(pairs.found, root)
    counted = pairs.mask & ~np.isnan(wanted).any(axis=-1) & ~np.isnan(given).any(axis=-1)
    missing = int((~counted.any(axis=1)).sum())
    if missing:
        measured.notes.append(
            f"{missing} of {len(pairs.labels)} people labelled in space have no prediction in space"
        )
    if missing == len(pairs.labels):
        raise DataError(
            "no prediction has keypoints3d that belong to the labels; a model that gives depth (rtmw3d) writes them"
        )
    for name in metrics:
        errors = np.full(counted.shape, np.nan)
        for row in np.flatnonzero(counted.any(axis=1)):
            use = counted[row]
            errors[row, use] = _MILLIMETRES * joint_errors(
                given[row, use], wanted[row, use], align=ALIGN[name]
            )
        measured.figures[name.upper()] = float(np.nanmean(errors))
        if not measured.errors:
            _add_errors(measured, pairs, errors)


def _root(skeleton: Skeleton) -> list[int]:
    """The points whose mean is the root: the pelvis, or both hips."""
    names = skeleton.keypoints
    for chosen in (["root"], ["pelvis"], ["left_hip", "right_hip"]):
        if all(name in names for name in chosen):
            return [names.index(name) for name in chosen]
    raise DataError(f"{skeleton.name} has no pelvis and no hips to take positions in space from")


def _centred(points: Float64Array, root: list[int]) -> Float64Array:
    """(N, K, 3) positions relative to the root; a pose without its root is NaN."""
    positions = np.where(points[..., 3:] > 0, points[..., :3], np.nan)
    result: Float64Array = positions - positions[:, root].mean(axis=1, keepdims=True)
    return result
