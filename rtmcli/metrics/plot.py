"""Plots of an evaluation: precision over recall, and the error of each keypoint."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.arrays import Float64Array, FloatArray
from rtmcli.formats.labels import points_of
from rtmcli.metrics.coco import box_curves, keypoint_curves
from rtmcli.metrics.hota import ALPHAS, Hota
from rtmcli.metrics.label_assignment import pair_keypoints
from rtmcli.metrics.matching import RECALLS, THRESHOLDS, Curves
from rtmcli.plot_style import BLUE, GREY, ORANGE, figure_of, label, save
from rtmcli.skeletons import Skeleton

# At this OKS a pair is the same person; below it the distances say nothing about the keypoints.
_SAME_PERSON = 0.5


def plot_keypoints(
    path: Path,
    labels: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    skeleton: Skeleton,
    title: str,
    *,
    use_area: bool = True,
) -> None:
    """Precision over recall at OKS .5, .75 and their mean, and the error of each keypoint, as an image file.

    The error of a point is its distance in units of 2 sigma sqrt(area), over people found with OKS of 0.5 or more:
    1 means an OKS of 0.61 for the point. Raises UsageError where the file's format is unknown.
    """
    curves = keypoint_curves(labels, results, skeleton.sigmas, use_area=use_area)
    errors = keypoint_errors(labels, results, skeleton.sigmas, use_area=use_area)
    count = len(skeleton)
    figure, ((left, right),) = figure_of(2, height=max(4.5, (0.25 if count < 40 else 0.1) * count))
    _draw_curves(left, curves, "OKS")
    left.set_box_aspect(0.9)
    left.set_anchor("N")
    quartiles = [np.percentile(e, (25, 50, 75)) if len(e) else np.full(3, np.nan) for e in errors]
    low, middle, high = np.array(quartiles).T  # (K,) each
    rows = np.arange(count)
    right.barh(rows, middle, color=BLUE, height=0.7)
    right.errorbar(middle, rows, xerr=[middle - low, high - middle], fmt="none", ecolor=GREY, capsize=2)
    right.axvline(1, color=ORANGE, linewidth=1, linestyle="--")
    right.set_yticks(rows, skeleton.keypoints, fontsize=9 if count < 40 else 6)
    right.set_ylim(count - 0.4, -0.6)
    found = max((len(e) for e in errors), default=0)
    title_of_errors = f"error of each keypoint, up to {found} people found"
    label(right, title=title_of_errors, x="distance / (2 σ √area): median, quartiles")
    save(figure, path, title)


def plot_boxes(
    path: Path, labels: Mapping[str, Any], results: Sequence[Mapping[str, Any]], title: str
) -> None:
    """Precision over recall at IoU .5, .75 and their mean, as an image file."""
    figure, ((axes,),) = figure_of(1, height=4.5)
    _draw_curves(axes, box_curves(labels, results), "IoU")
    save(figure, path, title)


def keypoint_errors(
    labels: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    sigmas: FloatArray,
    *,
    use_area: bool = True,
) -> list[Float64Array]:
    """For each of K keypoints the distances of people found (OKS >= 0.5) in units of 2 sigma sqrt(area)."""
    rows = []
    for index, pair in pair_keypoints(labels, results, sigmas, use_area=use_area).items():
        if pair.label is None or pair.similarity < _SAME_PERSON or pair.label.get("iscrowd"):
            continue
        wanted, found = points_of(pair.label), points_of(results[index])  # (K, 3)
        box = pair.label["bbox"]
        area = pair.label["area"] if use_area else 0.53 * box[2] * box[3]
        distance = np.linalg.norm(found[:, :2] - wanted[:, :2], axis=1) / (2 * sigmas * np.sqrt(area))
        rows.append(np.where(wanted[:, 2] > 0, distance, np.nan))
    table = np.array(rows).reshape(-1, len(sigmas))
    return [column[~np.isnan(column)] for column in table.T]


def _draw_curves(axes: Any, curves: Curves, similarity: str) -> None:
    chosen = {
        f"{similarity} 0.50": (curves.precision[:1], BLUE),
        f"{similarity} 0.75": (curves.precision[5:6], ORANGE),
        f"mean of {THRESHOLDS[0]:.2f} to {THRESHOLDS[-1]:.2f}": (curves.precision, GREY),
    }
    for name, (precision, color) in chosen.items():
        known = np.where(precision[..., 0] > -1, precision[..., 0], np.nan)  # (T, R, C)
        if np.isnan(known).all():
            continue
        line = np.nanmean(known, axis=(0, 2))
        axes.plot(RECALLS, line, color=color, label=f"{name}: AP {np.nanmean(line):.3f}")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    label(axes, title="precision over recall", x="recall", y="precision", legend=True)


def plot_tracks(path: Path, sequences: Mapping[str, Hota]) -> None:
    """HOTA, and its parts for detection and association, over the similarity threshold; a line per sequence."""
    figure, (axes,) = figure_of(3, height=3.6)
    for title, attribute, plot in zip(
        ("HOTA", "DetA (detection)", "AssA (association)"), ("hota", "det_a", "ass_a"), axes, strict=True
    ):
        for name, one in sequences.items():
            curve = getattr(one, attribute)
            plot.plot(ALPHAS, curve, marker=".", label=f"{name} {curve.mean():.3f}")
        plot.set(xlim=(0, 1), ylim=(0, 1.02))
        label(plot, title=title, x="similarity threshold", legend=True)
    save(figure, path, "tracks")
