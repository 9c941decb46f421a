"""Records to NWB (Neurodata Without Borders) and back, with its extension ndx-pose (the extra `sleap`).

As sleap-io lays files out: a processing module `SLEAP_VIDEO_<number>_<name>` for each source, in it a PoseEstimation
`track=<id>` for each person, in that a PoseEstimationSeries for each keypoint, with times and confidence, from the
person's first frame to the last. Files of other programs are read as well: any PoseEstimation in any processing module.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from rtmcli.errors import DataError, RtmError
from rtmcli.files import check_writable, replacing
from rtmcli.formats.hdf5_text import hdf5_text
from rtmcli.formats.person_tracks import PersonTracks, person_tracks
from rtmcli.formats.skeleton_names import one_skeleton, skeleton_of_names
from rtmcli.formats.track_names import ids_of_names
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton

# The time series of a source's frame numbers, also of the frames without people.
_FRAMES = "frames_of_"


def write_nwb(
    frames: Iterable[Frame], path: str | Path, *, note: Callable[[str], None] = lambda text: None
) -> int:
    """Write the keypoints of each person with an id as time series. Returns the number of frames.

    Scores are clipped to 0..1, which the format asks for.

    Args:
        note: called where people are left out.

    Raises:
        ModuleNotFoundError: pynwb and ndx-pose are not installed.
        DataError: images, which have no times; a NUL character in a source or model; and what `person_tracks` raises.

    Example:
        from rtmcli import read_frames, write_nwb

        write_nwb(read_frames("tracked.jsonl"), "walk.nwb")
    """
    import ndx_pose
    import pynwb

    check_writable(Path(path))
    found = person_tracks(frames, note)
    file = pynwb.NWBFile(
        session_description="poses estimated by rtm",
        identifier=str(uuid.uuid4()),
        session_start_time=datetime.now(UTC),
    )
    behavior = file.create_processing_module(name="behavior", description="skeletons and frame numbers")
    skeletons = {own.skeleton: _skeleton(own.skeleton) for own in found if own.skeleton is not None}
    behavior.add(ndx_pose.Skeletons(skeletons=list(skeletons.values())))
    for number, own in enumerate(found):
        if any(time is None for time in own.times):
            raise DataError(
                f"{own.source} has no times, and NWB holds time series; convert a video or a clip (--fps)"
            )
        source = hdf5_text(own.source, "the source")
        name = f"SLEAP_VIDEO_{number:03d}_{PurePath(source).stem}".replace("/", "_").replace(":", "_")
        module = file.create_processing_module(name=name, description=f"people in {source}")
        for person in own.people:
            module.add(_estimation(own, person, skeletons[own.skeleton or ""]))
        if own.frames != list(range(len(own.frames))):
            behavior.add(
                pynwb.TimeSeries(
                    name=f"{_FRAMES}{name}",
                    data=np.array(own.frames),
                    timestamps=np.array(own.times),
                    unit="frame",
                )
            )
    with replacing(Path(path)) as temporary, pynwb.NWBHDF5IO(str(temporary), "w") as stream:
        stream.write(file)
    return sum(len(own.frames) for own in found)


def read_nwb(path: str | Path, *, skeleton: str | None = None) -> Iterator[Frame]:
    """Records of a file: all frames of what `write_nwb` wrote, of other files a frame for each time of a series.

    Args:
        skeleton: of the keypoints as they stand in the file. Without it that with the names of the nodes.

    Raises:
        ModuleNotFoundError: pynwb and ndx-pose are not installed.
        DataError: no NWB file, no PoseEstimation in it, or nodes of no known skeleton.

    Example:
        from rtmcli import read_frames, read_nwb, write_nwb

        write_nwb(read_frames("tracked.jsonl"), "walk.nwb")
        for frame in read_nwb("walk.nwb"):
            print(frame.source, frame.time, len(frame.instances))
    """
    import ndx_pose
    import pynwb

    try:
        with pynwb.NWBHDF5IO(str(path), "r", load_namespaces=True) as stream:
            file = stream.read()
            sources: dict[str, list[Any]] = {}
            numbers: dict[str, Any] = {}
            behavior = file.processing["behavior"].data_interfaces if "behavior" in file.processing else {}
            for module in file.processing.values():
                for one in module.data_interfaces.values():
                    if isinstance(one, ndx_pose.PoseEstimation):
                        videos = one.original_videos
                        source = str(videos[0]) if videos is not None and len(videos) else module.name
                        sources.setdefault(source, []).append(one)
                        numbers[source] = behavior.get(f"{_FRAMES}{module.name}")
            if not sources:
                raise DataError(f"{path} has no PoseEstimation (ndx-pose) in its processing modules")
            for source, people in sources.items():
                yield from _frames(source, people, numbers[source], skeleton, str(path))
    except RtmError:
        raise
    except Exception as error:  # pynwb raises errors of many kinds for a damaged file
        raise DataError(f"{path} is not an NWB file: {error}") from None


def _skeleton(name: str) -> Any:
    import ndx_pose

    own = load_skeleton(name)
    links = np.array(own.links, np.uint8).reshape(-1, 2)
    return ndx_pose.Skeleton(name=own.name, nodes=list(own.keypoints), edges=links)


def _estimation(own: PersonTracks, person: int | None, skeleton: Any) -> Any:
    import ndx_pose

    rows = own.span(person)
    points = own.points(person, rows)  # (rows, K, 3)
    times = np.array(own.times[rows.start : rows.stop], np.float64)
    series: list[Any] = []
    for number, name in enumerate(skeleton.nodes):
        series.append(
            ndx_pose.PoseEstimationSeries(
                name=name,
                description=f"{name} in {own.source}",
                data=points[:, number, :2],
                confidence=np.clip(points[:, number, 2], 0, 1),
                confidence_definition="score of the keypoint",
                unit="pixels",
                reference_frame="(0, 0) is the middle of the top left pixel; x to the right, y down",
                timestamps=series[0] if series else times,
            )
        )
    size = {}
    # The format's numbers have 16 bits.
    if own.width and own.height and max(own.width, own.height) < 1 << 16:
        size["dimensions"] = np.array([[own.width, own.height]], np.uint16)
    return ndx_pose.PoseEstimation(
        name="track" if person is None else f"track={person}",
        pose_estimation_series=series,
        description=f"keypoints of a person in {own.source}",
        original_videos=[own.source],
        skeleton=skeleton,
        source_software="rtm",
        scorer=hdf5_text(own.model, "the model") or "unknown",
        **size,
    )


def _frames(source: str, people: list[Any], numbers: Any, skeleton: str | None, path: str) -> Iterator[Frame]:
    if numbers is not None:
        times, frames = _times(numbers), np.array(numbers.data)
    else:
        times = np.unique(
            np.concatenate([_times(series) for one in people for series in _series(one).values()])
        )
        frames = np.arange(len(times))
    tracked = [one.name for one in people if one.name != "track"]
    ids = ids_of_names(tracked)
    found: list[list[Instance]] = [[] for _ in times]
    used: list[set[str]] = [set() for _ in times]
    width = height = None
    for one in people:
        name, points = _points(one, times, skeleton, path)  # (T, K, 3)
        if one.dimensions is not None and len(one.dimensions):
            width, height = (int(value) for value in one.dimensions[0])
        for here in np.flatnonzero(~np.isnan(points[:, :, :2]).all(axis=(1, 2))):
            used[here].add(name)
            found[here].append(Instance(id=ids.get(one.name), keypoints=points[here]))
    for row, time in enumerate(times):
        yield Frame(
            source=source, frame=int(frames[row]), time=float(time), width=width, height=height,
            skeleton=one_skeleton(used[row], f"{path}: frame {frames[row]} of {source}"), instances=found[row],
        )  # fmt: skip


def _series(one: Any) -> dict[str, Any]:
    return {series.name: series for series in one.pose_estimation_series.values()}


def _times(series: Any) -> Any:
    if series.timestamps is not None:
        times = series.timestamps
        return np.asarray(times.timestamps if hasattr(times, "timestamps") else times, np.float64)
    return np.arange(len(series.data)) / series.rate + (series.starting_time or 0.0)


def _points(one: Any, times: Any, skeleton: str | None, path: str) -> tuple[str, Any]:
    """The skeleton and the points (T, K, 3) of a person at these times."""
    series = _series(one)
    names = list(series) if one.skeleton is None else [str(name) for name in one.skeleton.nodes[:]]
    name, order = (skeleton, range(len(names))) if skeleton else skeleton_of_names(names, path)
    points = np.full((len(times), len(names), 3), np.nan, np.float32)
    for place, index in enumerate(order):
        own = series.get(names[index])
        if own is None:
            continue
        rows = np.searchsorted(times, _times(own))
        points[rows, place, :2] = np.asarray(own.data)[:, :2]
        points[rows, place, 2] = 1 if own.confidence is None else np.asarray(own.confidence)
        points[np.isnan(points[:, place, :2]).any(axis=1), place] = np.nan
    return name, points
