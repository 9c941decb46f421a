"""Records to SLEAP's label files (.slp) and back, through sleap-io (the extra `sleap`).

People become predicted instances on tracks called after their ids; an image is a video of one frame.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.errors import DataError
from rtmcli.files import check_writable, replacing
from rtmcli.formats.hdf5_text import hdf5_text
from rtmcli.formats.skeleton_names import one_skeleton, skeleton_of_names
from rtmcli.formats.track_names import ids_of_names
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import Skeleton
from rtmcli.skeletons.of_frame import skeleton_of


def write_sleap(frames: Iterable[Frame], path: str | Path) -> int:
    """Write records as a .slp file, which refers to the videos and images by name. Returns the number of frames.

    Raises:
        ModuleNotFoundError: sleap-io is not installed.
        DataError: a label with a NUL character; and as `skeleton_of` does.

    Example:
        from rtmcli import read_frames, write_sleap

        write_sleap(read_frames("walk.jsonl"), "walk.slp")
    """
    import sleap_io as sio

    check_writable(Path(path))
    skeletons: dict[str, Any] = {}
    tracks: dict[tuple[str, int], Any] = {}
    videos: dict[str, Any] = {}
    labelled = []
    for frame in frames:
        video = _video(frame, videos)
        people = []
        for one in frame.instances:
            if one.keypoints is None:
                continue
            track = None
            if one.id is not None:
                track = tracks.setdefault((frame.source, one.id), sio.Track(str(one.id)))
            own = skeleton_of(frame, one.keypoints)
            if own.name not in skeletons:
                skeletons[own.name] = _skeleton(own)
            people.append(
                sio.PredictedInstance.from_numpy(
                    one.keypoints[:, :2].astype(np.float64),
                    skeletons[own.name],
                    point_scores=one.keypoints[:, 2].astype(np.float64),
                    score=np.nan if one.score is None else one.score,
                    track=track,
                    category=hdf5_text(one.label, f"{frame.source}, frame {frame.frame}: the label"),
                )
            )
        labelled.append(sio.LabeledFrame(video=video, frame_idx=frame.frame, instances=people))
    labels = sio.Labels(
        labelled,
        videos=list(videos.values()),
        skeletons=list(skeletons.values()),
        tracks=list(tracks.values()),
    )
    with replacing(Path(path)) as temporary:
        # sleap-io takes the format from the suffix.
        sio.save_slp(labels, str(temporary), verbose=False)
    return len(labelled)


def read_sleap(path: str | Path, *, skeleton: str | None = None) -> Iterator[Frame]:
    """Records of a .slp file. An instance that a person has labelled stands for the prediction it was made from.

    Args:
        skeleton: of the keypoints as they stand in the file. Without it that with the names of the nodes.

    Raises:
        ModuleNotFoundError: sleap-io is not installed.
        DataError: not a .slp file, or nodes of no known skeleton.

    Example:
        from rtmcli import read_frames, read_sleap, write_sleap

        write_sleap(read_frames("walk.jsonl"), "walk.slp")
        for frame in read_sleap("walk.slp"):
            print(frame.source, frame.frame, len(frame.instances))
    """
    import sleap_io as sio

    try:
        labels = sio.load_slp(str(path), open_videos=False)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{path} is not a file of SLEAP: {error}") from None
    ids = ids_of_names(track.name for track in labels.tracks)
    orders: dict[int, tuple[str, list[int]]] = {}
    for labelled in labels:
        shape = labelled.video.shape or (None, None, None)
        frame = Frame(
            source=_source(labelled.video),
            frame=int(labelled.frame_idx),
            frames=shape[0],
            height=shape[1],
            width=shape[2],
        )
        found: list[str] = []
        for one in labelled.user_instances + labelled.unused_predictions:
            own = orders.get(id(one.skeleton))
            if own is None:
                names = one.skeleton.node_names
                own = (skeleton, list(range(len(names)))) if skeleton else skeleton_of_names(names, str(path))
                orders[id(one.skeleton)] = own
            found.append(own[0])
            frame.instances.append(_instance(one, own[1], ids))
        frame.skeleton = one_skeleton(found, f"{path}: frame {frame.frame} of {frame.source}")
        yield frame


def _video(frame: Frame, videos: dict[str, Any]) -> Any:
    import sleap_io as sio

    video = videos.get(frame.source)
    if video is None:
        video = videos[frame.source] = sio.Video(filename=frame.source, open_backend=False)
    if frame.width and frame.height:
        count = max(frame.frames or 0, frame.frame + 1, (video.backend_metadata.get("shape") or [0])[0])
        video.backend_metadata["shape"] = [count, frame.height, frame.width, 3]
    return video


def _skeleton(own: Skeleton) -> Any:
    import sleap_io as sio

    names = own.keypoints
    mirrored = [(names[i], names[j]) for i, j in enumerate(own.flip) if i < j]
    return sio.Skeleton(
        nodes=list(names),
        edges=[(names[a], names[b]) for a, b in own.links],
        symmetries=mirrored,
        name=own.name,
    )


def _source(video: Any) -> str:
    name = video.filename
    return str(name[0] if isinstance(name, list) else name)


def _instance(one: Any, order: list[int], ids: dict[str, int]) -> Instance:
    points = np.full((len(order), 3), np.nan, np.float32)
    places = one.numpy()[order]  # (K, 2), NaN where invisible
    known = ~np.isnan(places).any(axis=1)
    points[known, :2] = places[known]
    predicted = "score" in one.points.dtype.names
    points[known, 2] = one.points["score"][order][known] if predicted else 1
    score = getattr(one, "score", 1.0)
    category = getattr(one, "category", None)
    return Instance(
        keypoints=points,
        score=float(np.clip(score, 0, 1)) if score is not None and not np.isnan(score) else None,
        id=None if one.track is None else ids[one.track.name],
        label=None if category is None else str(category.name),
    )
