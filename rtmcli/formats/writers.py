"""The writers of all formats as the table takes them, each of which imports its module when it is called."""

from collections.abc import Iterable

from rtmcli.formats.format import Conversion
from rtmcli.records.frame import Frame


def records(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.records.ndjson import write_frames

    write_frames(frames, path)
    return 0


def csv(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.csv_writer import write_table

    return write_table(frames, path)


def wide_csv(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.csv_wide import write_wide_table

    return write_wide_table(frames, path)


def parquet(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.parquet import write_parquet

    return write_parquet(frames, path)


def coco(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.coco_writer import write_coco_results

    return write_coco_results(frames, path, labels=given.labels, note=given.note)


def coco_labels(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.coco_labels_writer import write_coco_labels

    return write_coco_labels(frames, path, note=given.note)


def alphapose(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.alphapose import write_alphapose

    return write_alphapose(frames, path)


def openpose(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.openpose_writer import write_openpose

    return write_openpose(frames, path, skeleton=given.skeleton, note=given.note)


def yolo(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.yolo import write_yolo

    return write_yolo(frames, path, note=given.note)


def mmpose(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.mmpose import write_mmpose

    return write_mmpose(frames, path)


def motchallenge(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.motchallenge import write_motchallenge

    return write_motchallenge(frames, path)


def posetrack(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.posetrack import write_posetrack

    return write_posetrack(frames, path, skeleton=given.skeleton, note=given.note)


def trc(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.trc import write_trc

    return write_trc(frames, path, pixels=given.pixels, min_score=given.min_score)


def c3d(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.c3d import write_c3d

    return write_c3d(frames, path, pixels=given.pixels, min_score=given.min_score, note=given.note)


def sleap(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.sleap import write_sleap

    return write_sleap(frames, path)


def nwb(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.nwb import write_nwb

    return write_nwb(frames, path, note=given.note)


def dlc(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.dlc import write_dlc

    return write_dlc(frames, path, note=given.note)


def label_studio(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.label_studio import write_label_studio

    return write_label_studio(frames, path, note=given.note)


def rerun(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.rerun import write_rerun

    return write_rerun(frames, path)


def opensim_motion(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.opensim_motion import write_opensim_motion

    return write_opensim_motion(frames, path)
