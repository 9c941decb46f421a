"""`rtm eval`: records or COCO results against a label file."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.eval_choices import Area, Metric, Rank, Unmatched
from rtmcli.cli.plotting import need_matplotlib
from rtmcli.errors import DataError, UsageError
from rtmcli.terminal.messages import say

if TYPE_CHECKING:
    from rtmcli.cli.predictions import Predictions

_say = partial(say, program="rtm eval")


# Options that have no effect with --tracks.
_NOT_FOR_TRACKS = (
    "metric", "pck_threshold", "rank", "oks_nms", "boxes", "category", "where", "skeleton", "area", "unmatched",
    "per_image",
)  # fmt: skip


def main(
    options: Given,
    truth: Annotated[
        str,
        typer.Argument(
            metavar="TRUTH",
            help="Label file: COCO's form, or MPII's list. With --tracks: MOTChallenge's gt.txt, a folder of "
            "sequences, or records with ids.",
        ),
    ],
    predictions: Annotated[
        str,
        typer.Argument(metavar="[PREDICTIONS]", help="Records or COCO results; - for standard input."),
    ] = "-",
    metric: Annotated[
        list[Metric] | None,
        typer.Option(
            help="What to compute; may be given several times. Default: pckh for MPII, nme for face skeletons "
            "(300-W, COFW, AFLW, WFLW, LaPa), mpjpe and pa-mpjpe for H36M and H3WB, else ap.",
        ),
    ] = None,
    pck_threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="T",
            help="Correct below this share of the box's longer side (pck, 0.2) or of the head size (pckh, 0.5).",
        ),
    ] = None,
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
            help="Drop near-duplicate poses above this OKS. Default: 0.9; none for one-stage models.",
        ),
    ] = None,
    boxes: Annotated[
        bool, typer.Option("--boxes", help="Compare boxes even where there are keypoints.")
    ] = False,
    category: Annotated[
        str | None, typer.Option(metavar="NAME", help="Evaluate only this category of the labels.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Evaluate only images whose entry in the labels has this key true."),
    ] = None,
    skeleton: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Skeleton of the labels. Default: the records', else by the keypoints' names or number.",
        ),
    ] = None,
    area: Annotated[
        Area | None,
        typer.Option(
            help="Size of a person in the OKS: the mask's area, or 0.53 of the box.", show_default="mask"
        ),
    ] = None,
    unmatched: Annotated[
        Unmatched | None,
        typer.Option(
            help="Records of images that the labels do not have: stop at any, or skip all. Default: a note, and an "
            "error where they are most.",
            show_default=False,
        ),
    ] = None,
    tracks: Annotated[
        bool, typer.Option("--tracks", help="Score ids through time: HOTA, IDF1, MOTA and their parts.")
    ] = False,
    per_image: Annotated[
        bool,
        typer.Option(
            "--per-image",
            help="Write the records with the OKS, IoU or error of each person; figures go to stderr.",
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw precision over recall and the error of each keypoint."),
    ] = None,
) -> None:
    """Score records against labels.

    PREDICTIONS are records (rtm pose, rtm detect) or a COCO results file. Keypoints give COCO's ten figures, boxes
    without keypoints its twelve; COCO-WholeBody labels add the parts of the body, CrowdPose labels give its nine.
    Face, MPII and 3D labels give the figures of their data sets (see --metric). A table on a terminal, one JSON line
    in a pipe; -1 where no label falls in a size range.

    With --tracks TRUTH is MOTChallenge text, a PoseTrack file or records with ids.

    A record belongs to the image of the same file name, or of the same number.

    Examples:

      rtm pose val/images | rtm eval val/person_keypoints.json

      rtm detect val/images --score 0.05 | rtm eval val/person_keypoints.json

      rtm pose images --boxes hands.json | rtm eval hands.json --metric pck --metric auc --metric epe

      rtm track poses.jsonl | rtm eval --tracks MOT17-02/gt/gt.txt
    """
    if tracks:
        from rtmcli.cli.eval_tracks import run_track_evaluation

        options.reject(_NOT_FOR_TRACKS, "on tracks", "it belongs to keypoints or boxes of single images")
        if plot is not None:
            need_matplotlib(plot)
        run_track_evaluation(truth, predictions, plot)
        return
    from rtmcli.cli.eval_output import plot_report, show_report, write_records
    from rtmcli.cli.predictions import read_predictions
    from rtmcli.formats.labels import read_labels
    from rtmcli.metrics.evaluate import evaluate_boxes, evaluate_distances, evaluate_precision

    if plot is not None:
        need_matplotlib(plot)
    nms_threshold = _threshold(oks_nms)
    metrics = [one.value for one in metric or ()]
    _check_metrics(metrics, boxes=boxes)
    labels = read_labels(truth, category=category, recognise=skeleton is None)
    known = {image["id"] for image in labels["images"]}
    left_out: list[Any] = []
    if where is not None:
        from rtmcli.metrics.input_checks import keep_images

        labels, left_out = keep_images(labels, where)
    given = read_predictions(predictions, labels, left_out, keep_frames=per_image)
    _check_predictions(given, labels, truth, unmatched)
    if given.ranked:
        options.reject(("rank", "oks_nms"), "on COCO results, whose scores rank them as they are")
        options.reject(("unmatched",), "on COCO results, which name their images by id")
    for note in given.notes(len(labels["images"])):
        _say(note)
    if given.ranked:
        from rtmcli.metrics.input_checks import check_result_ids

        check_result_ids(given.results, labels, known)
    if not metrics and (boxes or not (given.has_keypoints or (not given.results and _has_keypoints(labels)))):
        options.reject(
            ("rank", "oks_nms", "skeleton", "area", "pck_threshold"), "on boxes", "it belongs to keypoints"
        )
        report = evaluate_boxes(labels, given.results)
    else:
        from rtmcli.metrics.evaluate import default_metrics
        from rtmcli.metrics.input_checks import is_crowdpose, label_skeleton

        chosen = label_skeleton(labels, skeleton, given.skeletons)
        if skeleton is None and None in labels["named_skeletons"].values():
            _say(
                f"the labels' keypoint names are those of no known skeleton; they are taken as {chosen.name}"
            )
        poses = [result for result in given.results if "keypoints" in result or "keypoints3d" in result]
        metrics = metrics or default_metrics(labels, poses, chosen)
        if not {"pck", "pckh"} & set(metrics):
            options.reject(
                ("pck_threshold",), f"on {', '.join(metrics)}", "it belongs to --metric pck or pckh"
            )
        if metrics == ["ap"]:
            if is_crowdpose(labels):
                options.reject(("area",), "on CrowdPose labels, whose protocol takes 0.53 of the box")
            ranked = _ranked(given, chosen.sigmas, rank, nms_threshold)
            report = evaluate_precision(labels, ranked, chosen, use_area=area is not Area.BOX)
        else:
            names = ", ".join(metrics)
            options.reject(("rank", "oks_nms", "area", "plot"), f"on {names}", "it belongs to --metric ap")
            report = evaluate_distances(labels, poses, chosen, metrics, threshold=pck_threshold)
    for note in report.notes:
        _say(note)
    if plot is not None:
        plot_report(plot, labels, report)
    if per_image:
        write_records(labels, given.frames, report)
    show_report(report, to_stderr=per_image)


def _check_metrics(metrics: Sequence[str], *, boxes: bool) -> None:
    """Raise UsageError where the metrics do not go together."""
    names = ", ".join(metrics)
    if "ap" in metrics and len(metrics) > 1:
        raise UsageError(f"--metric ap ranks people and the others do not; got {names}: run rtm eval twice")
    if boxes and metrics:
        raise UsageError(f"--boxes compares boxes and --metric {names} keypoints; give one of them")


def _check_predictions(
    given: "Predictions", labels: dict[str, Any], truth: str, unmatched: Unmatched | None
) -> None:
    """Raise DataError where predictions and labels have nothing to do with each other."""
    from rtmcli.formats.image_names import listing

    count = len(given.unmatched)
    if unmatched is not Unmatched.SKIP and (
        2 * count > given.records or (count and unmatched is Unmatched.STOP)
    ):
        raise DataError(
            f"{count} of {given.records} records are of images that {truth} does not have: "
            f"{listing(given.unmatched)}; --unmatched skip leaves them out"
        )
    if not given.ranked and not given.images:
        raise DataError(f"no record is of an image of {truth}")
    if given.other_labels and not given.results:
        names = [category.get("name", category["id"]) for category in labels["categories"]]
        raise DataError(
            f"the records hold only {', '.join(given.other_labels)}, {truth} only "
            f"{', '.join(map(str, names))}; --category {names[0]} takes the records' instances as that"
        )


def _ranked(
    given: "Predictions", sigmas: Any, rank: Rank | None, threshold: float | None
) -> list[dict[str, Any]]:
    """The poses with the score that ranks them, less near-duplicates; those of a results file as they are."""
    if given.ranked:
        return [result for result in given.results if "keypoints" in result]
    from rtmcli.metrics.collect_results import rank_poses

    mode = rank or (Rank.BOX if given.onestage else Rank.BOX_KEYPOINT)
    automatic = None if given.onestage else 0.9
    oks = automatic if threshold is None else (threshold if threshold > 0 else None)
    return rank_poses(given.results, sigmas, rank=mode.value, oks=oks)


def _threshold(text: str | None) -> float | None:
    """The value of --oks-nms: 0 for `none`, None where it is not given."""
    if text is None or text == "none":
        return None if text is None else 0.0
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise UsageError(f"--oks-nms takes a number above 0 and up to 1, or none; got {text!r}")
    return value


def _has_keypoints(labels: dict[str, Any]) -> bool:
    return any("keypoints" in a for a in labels["annotations"])
