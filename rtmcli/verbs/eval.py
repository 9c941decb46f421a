"""`rtm eval`: records or COCO results against COCO labels."""

import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.settings import current
from rtmcli.terminal.messages import say

if TYPE_CHECKING:
    from rtmcli.cli.predictions import Predictions

_say = partial(say, program="rtm eval")


class Rank(StrEnum):
    """What ranks people."""

    BOX = "box"
    BOX_KEYPOINT = "box-keypoint"


class Area(StrEnum):
    """What sizes people in the OKS."""

    MASK = "mask"
    BOX = "box"


class Unmatched(StrEnum):
    """What to do with records of pictures that have no labels."""

    STOP = "stop"
    SKIP = "skip"


def main(
    truth: Annotated[str, typer.Argument(metavar="TRUTH", help="COCO label file.")],
    predictions: Annotated[
        str,
        typer.Argument(metavar="[PREDICTIONS]", help="Records or COCO results; - for standard input."),
    ] = "-",
    rank: Annotated[
        Rank | None,
        typer.Option(
            help="Rank people by box score, or by box score times the mean of the keypoint scores above 0.2. "
            "Default: box for one-stage models (rtmo), else box-keypoint."
        ),
    ] = None,
    oks_nms: Annotated[
        str | None,
        typer.Option(
            metavar="T|none",
            help="Drop near-duplicate poses above this OKS. Default: 0.9; one-stage models none.",
        ),
    ] = None,
    boxes: Annotated[
        bool, typer.Option("--boxes", help="Compare boxes, also where there are keypoints.")
    ] = False,
    where: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Only pictures whose entry in the labels has this key true."),
    ] = None,
    skeleton: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="Skeleton whose sigmas to use. Default: the records' or labels'."
        ),
    ] = None,
    area: Annotated[
        Area, typer.Option(help="Size of a person in the OKS: the mask's area, or 0.53 of the box.")
    ] = Area.MASK,
    unmatched: Annotated[
        Unmatched, typer.Option(help="Records of pictures that the labels do not know: stop, or skip them.")
    ] = Unmatched.STOP,
    per_image: Annotated[
        bool,
        typer.Option(
            "--per-image", help="Write the records on, each person with the OKS reached; figures to stderr."
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw precision over recall and the error of each keypoint."),
    ] = None,
) -> None:
    """Score records against labels: COCO's average precision and recall.

    PREDICTIONS are records (rtm pose, rtm detect) or a COCO results file. Keypoints give COCO's ten figures, boxes
    without keypoints its twelve; whole-body labels give the parts besides, CrowdPose labels its nine. A table on a
    terminal, one JSON line in a pipe, from 0 to 1; -1 where no label falls in a size range.

    A picture is found by the base name of its source, then by its number.

    Examples:

      rtm pose val/images | rtm eval val/person_keypoints.json

      rtm detect val/images --score 0.05 | rtm eval val/person_keypoints.json
    """
    from rtmcli.cli.predictions import read_predictions
    from rtmcli.formats.coco import read_coco

    if plot is not None:
        _need_matplotlib(plot)
    threshold = _threshold(oks_nms)
    labels = read_coco(truth)
    known = {image["id"] for image in labels["images"]}
    left_out: list[Any] = []
    if where is not None:
        from rtmcli.metrics.input_checks import keep_pictures

        labels, left_out = keep_pictures(labels, where)
    given = read_predictions(predictions, labels, left_out, keep_frames=per_image)
    if given.unmatched and unmatched is Unmatched.STOP:
        raise DataError(
            f"{len(given.unmatched)} of {given.records} records are of pictures that {truth} does not have "
            f"(first: {given.unmatched[0]}); --unmatched skip passes them over"
        )
    if not given.ranked and not given.images:
        raise DataError(f"no record is of a picture of {truth}")
    if given.other_labels and not given.results:
        raise DataError(
            f"the records hold only {', '.join(given.other_labels)}, {truth} only "
            f"{', '.join(str(c.get('name', c['id'])) for c in labels['categories'])}"
        )
    if given.ranked and rank is not None:
        raise UsageError("COCO results carry their ranking score; --rank is for records")
    for note in given.notes(len(labels["images"])):
        _say(note)
    compare_boxes = boxes or not (given.has_keypoints or (not given.results and _labels_have_points(labels)))
    if compare_boxes:
        report = _evaluate_boxes(labels, given, known)
    else:
        report = _evaluate_keypoints(
            labels,
            given,
            known,
            rank=rank,
            threshold=threshold,
            skeleton=skeleton,
            use_area=area is Area.MASK,
        )
    if plot is not None:
        _plot(plot, labels, report)
    if per_image:
        _write_records(labels, given, report)
    _show(report, to_stderr=per_image)


@dataclass(slots=True)
class _Report:
    """Figures, and what a table, a plot or the records say beside them."""

    title: str
    figures: dict[str, float]
    parts: dict[str, dict[str, float]]
    results: list[dict[str, Any]]
    skeleton: Any
    use_area: bool


def _evaluate_keypoints(
    labels: dict[str, Any],
    given: "Predictions",
    known: set[Any],
    *,
    rank: Rank | None,
    threshold: float | None,
    skeleton: str | None,
    use_area: bool,
) -> _Report:
    from rtmcli.metrics import coco, input_checks
    from rtmcli.metrics.collect_results import rank_poses

    chosen = input_checks.label_skeleton(labels, skeleton, given.skeletons)
    crowdpose = len(chosen) == 14 and input_checks.is_crowdpose(labels)
    use_area = use_area and not crowdpose
    people = input_checks.check_keypoint_labels(labels, use_area=use_area)
    results = [r for r in given.results if "keypoints" in r]
    input_checks.check_points(results, chosen)
    if given.ranked:
        input_checks.check_result_ids(results, labels, known)
    if not chosen.own_sigmas:
        _say(f"{chosen.name} has no sigmas of its own: the OKS takes {chosen.sigmas[0]:g} for every point")
    if not given.ranked:
        mode = rank or (Rank.BOX if given.onestage else Rank.BOX_KEYPOINT)
        automatic = None if given.onestage else 0.9
        results = rank_poses(
            results,
            chosen.sigmas,
            rank=mode.value,
            oks=automatic if threshold is None else (threshold if threshold > 0 else None),
        )
    title = f"keypoints ({chosen.name}): {len(results)} poses, {people} labelled people, {_pictures(labels)}"
    parts: dict[str, dict[str, float]] = {}
    if crowdpose:
        figures = coco.crowdpose_figures(labels, results, chosen.sigmas)
    elif any("foot_kpts" in a for a in labels["annotations"]):
        parts = coco.wholebody_figures(labels, results, chosen.sigmas)
        figures = parts.pop("wholebody")
    else:
        figures = coco.keypoint_figures(labels, results, chosen.sigmas, use_area=use_area)
    return _Report(title, figures, parts, results, chosen, use_area)


def _evaluate_boxes(labels: dict[str, Any], given: "Predictions", known: set[Any]) -> _Report:
    from rtmcli.metrics import coco, input_checks

    count = input_checks.check_box_labels(labels)
    results = [r for r in given.results if "bbox" in r]
    if given.results and not results:
        raise DataError("the predictions have no boxes to compare")
    if given.ranked:
        input_checks.check_result_ids(results, labels, known)
    title = f"boxes: {len(results)} found, {count} labelled, {_pictures(labels)}"
    return _Report(title, coco.box_figures(labels, results), {}, results, None, True)


def _write_records(labels: dict[str, Any], given: "Predictions", report: _Report) -> None:
    """Each record with the similarity its people reached, the label they were paired with, and how many were missed."""
    from rtmcli.metrics.label_assignment import pair_boxes, pair_keypoints
    from rtmcli.records.ndjson import write_frames

    if report.skeleton is None:
        key, paired = "iou", pair_boxes(labels, report.results)
    else:
        key = "oks"
        paired = pair_keypoints(labels, report.results, report.skeleton.sigmas, use_area=report.use_area)
    pairs = {report.results[i]["id"]: pair for i, pair in paired.items()}
    for frame, rows in given.frames:
        for instance, row in zip(frame.instances, rows, strict=True):
            pair = pairs.get(row) if row is not None else None
            instance.extra[key] = None if pair is None else round(pair.similarity, 6)
            instance.extra["truth"] = None if pair is None or pair.label is None else pair.label.get("id")
    write_frames(frame for frame, _ in given.frames)


def _plot(path: Path, labels: dict[str, Any], report: _Report) -> None:
    from rtmcli.metrics.plot import plot_boxes, plot_keypoints

    if report.skeleton is None:
        plot_boxes(path, labels, report.results, report.title)
    else:
        plot_keypoints(path, labels, report.results, report.skeleton, report.title, use_area=report.use_area)


def _show(report: _Report, *, to_stderr: bool) -> None:
    """A table where a person looks, else one JSON line."""
    stream = sys.stderr if to_stderr else sys.stdout
    if to_stderr and current().quiet:
        return
    if not stream.isatty():
        told = {**report.figures, "parts": report.parts} if report.parts else report.figures
        print(json.dumps(told), file=stream)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=report.title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    rows = {"": report.figures} if not report.parts else {**report.parts, "all": report.figures}
    table.add_column("", no_wrap=True)
    for name in report.figures:
        table.add_column(name, justify="right", no_wrap=True)
    for part, figures in rows.items():
        table.add_row(part, *(f"{value:.3f}" if value >= 0 else "-" for value in figures.values()))
    Console(file=stream).print(table)


def _threshold(text: str | None) -> float | None:
    """The threshold asked for, 0 for `none`, None where nobody asked."""
    if text is None or text == "none":
        return None if text is None else 0.0
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise UsageError(f"--oks-nms takes a number above 0 and up to 1, or none; got {text!r}")
    return value


def _need_matplotlib(path: Path) -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise MissingError(f"--plot {path} needs matplotlib: pip install 'rtmcli[eval]'")


def _labels_have_points(labels: dict[str, Any]) -> bool:
    return any("keypoints" in a for a in labels["annotations"])


def _pictures(labels: dict[str, Any]) -> str:
    return f"{len(labels['images'])} pictures"
