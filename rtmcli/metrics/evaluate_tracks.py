"""Records with ids against records with true ids: HOTA, identity and CLEAR metrics, per sequence and combined."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from rtmcli.arrays import Float64Array
from rtmcli.errors import DataError
from rtmcli.formats.motchallenge import DISTRACTORS
from rtmcli.geometry.boxes import iou_matrix, keypoints_box
from rtmcli.geometry.oks import oks_matrix
from rtmcli.metrics.clear import Clear, clear, combine_clear
from rtmcli.metrics.hota import Hota, combine_hota, hota
from rtmcli.metrics.identity import Identity, combine_identity, identity
from rtmcli.metrics.tracks import make_sequence
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons.of_frame import skeleton_of
from rtmcli.tracking.assignment import assign

# Similarity at which CLEAR and the identity metrics call two boxes the same (MOTChallenge's protocol).
THRESHOLD = 0.5

ByFrame = dict[int, Frame]


@dataclass(frozen=True, slots=True)
class TrackReport:
    """The metrics of one sequence, or of all together (`COMBINED`)."""

    name: str
    hota: Hota
    identity: Identity
    clear: Clear

    def figures(self) -> dict[str, float]:
        """All figures by their names in TrackEval."""
        return {**self.hota.figures(), **self.identity.figures(), **self.clear.figures()}


def evaluate_tracks(
    truth: Iterable[Frame], found: Iterable[Frame], *, labelled_only: bool = False
) -> list[TrackReport]:
    """A report for each sequence of the truth, and one of all together where there are several.

    Frames belong together by source and number: the source is the sequence's name, or a path with that name in it;
    with one sequence on each side names do not matter. Instances without an id do not count. Where the true people
    have keypoints, similarity is OKS, else the IoU of boxes. A person without a box has that of the keypoints' extent.

    Args:
        labelled_only: compare the frames of the truth alone, where others have no labels; otherwise they are empty.

    Raises:
        DataError: a sequence without tracks, tracks of an unknown sequence, an id twice in a frame, no true ids.

    Example:
        reports = evaluate_tracks(read_motchallenge("MOT17-02/gt/gt.txt"), read_frames("tracked.jsonl"))
        print(reports[0].figures()["HOTA"])
    """
    wanted, given = _by_source(truth), _by_source(found)
    if not any(i.id is not None for frames in wanted.values() for f in frames.values() for i in f.instances):
        raise DataError("the truth has no ids; tracks are compared with people who have one")
    reports = []
    for name, source in _pairs(list(wanted), list(given)).items():
        numbers = sorted(wanted[name].keys() | (() if labelled_only else given[source].keys()))
        sequence = make_sequence(name, (_compare(wanted[name].get(n), given[source].get(n)) for n in numbers))
        reports.append(
            TrackReport(
                name,
                hota(sequence),
                identity(sequence, threshold=THRESHOLD),
                clear(sequence, threshold=THRESHOLD),
            )
        )
    if len(reports) > 1:
        reports.append(
            TrackReport(
                "COMBINED",
                combine_hota([report.hota for report in reports]),
                combine_identity([report.identity for report in reports]),
                combine_clear([report.clear for report in reports]),
            )
        )
    return reports


def _by_source(frames: Iterable[Frame]) -> dict[str, ByFrame]:
    sources: dict[str, ByFrame] = {}
    for frame in frames:
        seen = sources.setdefault(frame.source, {})
        if frame.frame in seen:
            raise DataError(f"{frame.source}: frame {frame.frame} comes twice; evaluate one run at a time")
        seen[frame.frame] = frame
    return sources


def _pairs(names: Sequence[str], sources: Sequence[str]) -> Mapping[str, str]:
    """For each true sequence the source of its tracks."""
    if len(names) == len(sources) == 1:
        return {names[0]: sources[0]}
    pairs: dict[str, str] = {}
    for source in sources:
        parts = {
            part for piece in PurePosixPath(source.replace("\\", "/")).parts for part in (piece, _stem(piece))
        }
        fitting = [name for name in names if name in parts or _stem(PurePosixPath(name).name) in parts]
        if len(fitting) != 1:
            what = "several sequences" if fitting else "no sequence"
            raise DataError(f"the tracks of {source} fit {what} of the truth ({', '.join(names)})")
        if fitting[0] in pairs:
            raise DataError(f"{pairs[fitting[0]]} and {source} are both tracks of {fitting[0]}")
        pairs[fitting[0]] = source
    missing = [name for name in names if name not in pairs]
    if missing:
        raise DataError(f"no tracks for {', '.join(missing)}; got {', '.join(sources) or 'none'}")
    return {name: pairs[name] for name in names}


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _compare(truth: Frame | None, found: Frame | None) -> tuple[list[int], list[int], Float64Array]:
    people, tracks = _counted(truth), _counted(found)
    distractors = [i for i in people if i.label in DISTRACTORS.values()]
    if distractors:
        similar = _iou(people, tracks)
        on = {t for p, t in assign(similar, similar >= THRESHOLD) if people[p].label in DISTRACTORS.values()}
        tracks = [track for k, track in enumerate(tracks) if k not in on]
        people = [person for person in people if person.label not in DISTRACTORS.values()]
    return (
        [person.id for person in people if person.id is not None],
        [track.id for track in tracks if track.id is not None],
        _similarity(people, tracks, truth, found),
    )


def _counted(frame: Frame | None) -> list[Instance]:
    """The instances with an id and a place, each with a box."""
    counted = []
    for one in frame.instances if frame is not None else ():
        if one.box is None and one.keypoints is not None:
            extent = keypoints_box(one.keypoints[None], grow=1.0)[0]
            one = one.changed(box=extent if np.isfinite(extent).all() else None)
        if one.id is not None and one.box is not None:
            counted.append(one)
    return counted


def _similarity(
    people: list[Instance], tracks: list[Instance], truth: Frame | None, found: Frame | None
) -> Float64Array:
    if not people or not tracks or truth is None or found is None:
        return np.zeros((len(people), len(tracks)))
    if any(person.keypoints is None for person in people):
        return _iou(people, tracks)
    if any(track.keypoints is None for track in tracks):
        raise DataError(
            f"{found.source}, frame {found.frame}: the truth has keypoints and the tracks have none"
        )
    skeleton = truth.skeleton or found.skeleton
    if skeleton is None or found.skeleton not in (None, skeleton):
        raise DataError(
            f"{found.source}: the tracks' skeleton is {found.skeleton}, the truth's {truth.skeleton}; "
            "rtm convert --skeleton translates one into the other"
        )
    own = skeleton_of(truth if truth.skeleton is not None else found)
    for frame, group in ((truth, people), (found, tracks)):
        for one in group:
            if one.keypoints is not None and len(one.keypoints) != len(own):
                raise DataError(
                    f"{frame.source}, frame {frame.frame}: {own.name} has {len(own)} keypoints, got "
                    f"{len(one.keypoints)}; 'rtm convert --source-skeleton NAME' names the right one"
                )
    labelled = np.array([person.keypoints for person in people], np.float64)
    labelled[labelled[..., 2] <= 0] = np.nan
    boxes = np.array([person.box for person in people], np.float64)
    sizes = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    poses = np.array([track.keypoints for track in tracks], np.float64)
    # A pair takes the area of the labelled person, as in COCO's OKS.
    rows = [
        oks_matrix(pose[None], poses, size[None], np.full(len(poses), size), own.sigmas)
        for pose, size in zip(labelled, sizes, strict=True)
    ]
    return np.asarray(np.concatenate(rows))


def _iou(people: list[Instance], tracks: list[Instance]) -> Float64Array:
    if not people or not tracks:
        return np.zeros((len(people), len(tracks)))
    boxes = [np.array([one.box for one in group], np.float64) for group in (people, tracks)]
    return np.asarray(iou_matrix(*boxes), np.float64)
