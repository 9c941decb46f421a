"""The readers of all formats as the table takes them, each of which imports its module when it is called."""

from collections.abc import Iterator

from rtmcli.formats.format import Conversion
from rtmcli.records.frame import Frame


def records(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.records.ndjson import read_frames

    return read_frames(path)


def csv(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.csv_reader import read_table

    return read_table(path)


def wide_csv(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.csv_wide import read_wide_table

    return read_wide_table(path)


def parquet(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.parquet import read_parquet

    return read_parquet(path)


def coco(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.coco_reader import read_coco_records

    return read_coco_records(path, labels=given.labels, skeleton=given.skeleton)


def openpose(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.openpose_reader import read_openpose

    return read_openpose(path)


def yolo(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.yolo import read_yolo

    return read_yolo(path)


def mmpose(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.mmpose import read_mmpose

    return read_mmpose(path)


def motchallenge(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.motchallenge import read_motchallenge

    return read_motchallenge(path)


def posetrack(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.posetrack import read_posetrack

    return read_posetrack(path, skeleton=given.skeleton)


def trc(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.trc import read_trc

    return read_trc(path, skeleton=given.skeleton, note=given.note)


def c3d(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.c3d import read_c3d

    return read_c3d(path, skeleton=given.skeleton, note=given.note)


def sleap(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.sleap import read_sleap

    return read_sleap(path, skeleton=given.skeleton)


def nwb(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.nwb import read_nwb

    return read_nwb(path, skeleton=given.skeleton)


def dlc(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.dlc import read_dlc

    return read_dlc(path, skeleton=given.skeleton)
