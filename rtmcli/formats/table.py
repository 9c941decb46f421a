"""The table of file formats: what `rtm convert`, docs/formats.md and the tests know of each.

A new format is a module with its reader and writer, and an entry here.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from rtmcli.errors import UsageError
from rtmcli.formats.format import FOLDER, Conversion, Format
from rtmcli.records.frame import Frame


def find_format(name: str) -> Format:
    """The format of this name. Raises UsageError with the nearest name where there is none."""
    for one in FORMATS:
        if one.name == name:
            return one
    near = get_close_matches(name, format_names(), n=1)
    hint = f"did you mean {near[0]}? There" if near else "there"
    raise UsageError(f"no such format {name!r}; {hint} are {', '.join(format_names())}")


def format_names() -> list[str]:
    """The names of all formats."""
    return [one.name for one in FORMATS]


def _read_records(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.records.ndjson import read_frames

    return read_frames(path)


def _write_records(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.records.ndjson import write_frames

    write_frames(frames, path)
    return 0


def _read_csv(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.csv_reader import read_table

    return read_table(path)


def _write_csv(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.csv_writer import write_table

    return write_table(frames, path)


def _read_wide_csv(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.csv_wide import read_wide_table

    return read_wide_table(path)


def _write_wide_csv(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.csv_wide import write_wide_table

    return write_wide_table(frames, path)


def _read_parquet(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.parquet import read_parquet

    return read_parquet(path)


def _write_parquet(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.parquet import write_parquet

    return write_parquet(frames, path)


def _read_coco(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.coco_reader import read_coco_records

    return read_coco_records(path, labels=given.labels, skeleton=given.skeleton)


def _write_coco(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.coco_writer import write_coco_results

    return write_coco_results(frames, path, labels=given.labels, note=given.note)


def _write_coco_labels(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.coco_labels_writer import write_coco_labels

    return write_coco_labels(frames, path, note=given.note)


def _write_alphapose(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.alphapose import write_alphapose

    return write_alphapose(frames, path)


def _read_openpose(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.openpose_reader import read_openpose

    return read_openpose(path)


def _write_openpose(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.openpose_writer import write_openpose

    return write_openpose(frames, path, skeleton=given.skeleton, note=given.note)


def _read_yolo(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.yolo import read_yolo

    return read_yolo(path)


def _write_yolo(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.yolo import write_yolo

    return write_yolo(frames, path, note=given.note)


def _read_mmpose(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.mmpose import read_mmpose

    return read_mmpose(path)


def _write_mmpose(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.mmpose import write_mmpose

    return write_mmpose(frames, path)


def _read_motchallenge(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.motchallenge import read_motchallenge

    return read_motchallenge(path)


def _write_motchallenge(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.motchallenge import write_motchallenge

    return write_motchallenge(frames, path)


def _read_posetrack(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.posetrack import read_posetrack

    return read_posetrack(path, given)


def _write_posetrack(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.posetrack import write_posetrack

    return write_posetrack(frames, path, given)


def _read_trc(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.trc import read_trc

    return read_trc(path, given)


def _write_trc(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.trc import write_trc

    return write_trc(frames, path, given)


def _read_c3d(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.c3d import read_c3d

    return read_c3d(path, given)


def _write_c3d(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.c3d import write_c3d

    return write_c3d(frames, path, given)


def _read_sleap(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.sleap import read_sleap

    return read_sleap(path, skeleton=given.skeleton)


def _write_sleap(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.sleap import write_sleap

    return write_sleap(frames, path)


def _read_nwb(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.nwb import read_nwb

    return read_nwb(path, skeleton=given.skeleton)


def _write_nwb(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.nwb import write_nwb

    return write_nwb(frames, path, note=given.note)


def _read_dlc(path: str, given: Conversion) -> Iterator[Frame]:
    from rtmcli.formats.dlc import read_dlc

    return read_dlc(path, skeleton=given.skeleton)


def _write_dlc(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.dlc import write_dlc

    return write_dlc(frames, path, note=given.note)


def _write_label_studio(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.label_studio import write_label_studio

    return write_label_studio(frames, path, note=given.note)


def _write_rerun(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.rerun import write_rerun

    return write_rerun(frames, path)


def _write_opensim_motion(frames: Iterable[Frame], path: str, given: Conversion) -> int:
    from rtmcli.formats.opensim_motion import write_opensim_motion

    return write_opensim_motion(frames, path)


FORMATS = (
    Format(
        name="records",
        extensions=(".jsonl", ".ndjson"),
        content="one JSON object per frame, as all verbs read and write",
        omits=(),
        read=_read_records,
        write=_write_records,
    ),
    Format(
        name="csv",
        extensions=(".csv",),
        content="one row per keypoint: `source, frame, frames, time, width, height, skeleton, model, instance, id, "
        "label, x1, y1, x2, y2, score, index, keypoint, x, y, keypoint_score`. Rows are read in any order, also as "
        "spreadsheets and pandas rewrite them (semicolons, tabs, decimal commas, `1.0` for `1`, `NaN`, UTF-16)",
        omits=("frames without people", "3D keypoints"),
        limits="keys unknown to rtm",
        read=_read_csv,
        write=_write_csv,
    ),
    Format(
        name="csv-wide",
        extensions=(),
        usual_extension=".csv",
        content="one row per frame and person (one without a person for an empty frame): the columns of `csv` up to "
        "`score`, then `<keypoint>_x`, `<keypoint>_y`, `<keypoint>_score` for each keypoint of the skeleton",
        omits=("3D keypoints",),
        limits="keys unknown to rtm; one skeleton per file",
        read=_read_wide_csv,
        write=_write_wide_csv,
    ),
    Format(
        name="parquet",
        extensions=(".parquet",),
        content="one row per keypoint, typed: the columns of `csv`, and `x3d, y3d, z3d, score3d`; a row without a "
        "person for an empty frame; null for what does not exist. A folder (`--to parquet -o FOLDER`) has a subfolder "
        "`source=<name>` per source",
        omits=(),
        limits="keys unknown to rtm",
        read=_read_parquet,
        write=_write_parquet,
        streams=False,
        extra="parquet",
    ),
    Format(
        name="coco",
        extensions=(),
        content="a list of results: `image_id`, `category_id`, `keypoints`, `bbox`, `score`, `track_id`. coco133 is "
        "written to the fields of COCO-WholeBody (`foot_kpts`, `face_kpts`, `lefthand_kpts`, `righthand_kpts`)",
        omits=("times", "image sizes", "frames without people", "3D keypoints"),
        limits="box scores",
        read=_read_coco,
        write=_write_coco,
        streams=False,
    ),
    Format(
        name="coco-labels",
        extensions=(),
        content="a data set, as for training and labelling tools: `images` numbered from 1, `annotations` (visibility "
        "0 or 2, `area` of the box, `keypoint_scores`, `score`, `track_id`) and `categories` with the names and links "
        "of the keypoints; frames of videos with CocoVID's `videos`, `video_id` and `frame_id`",
        omits=("3D keypoints",),
        limits="models",
        read=_read_coco,
        write=_write_coco_labels,
        streams=False,
    ),
    Format(
        name="alphapose",
        extensions=(),
        content="AlphaPose's list (`alphapose-results.json`): `image_id` (a name; of a video `<frame>.jpg`), "
        "`keypoints`, `score`, `box`, `idx`",
        omits=("times", "image sizes", "frames without people", "3D keypoints"),
        limits="the name of a video",
        read=_read_coco,
        write=_write_alphapose,
        streams=False,
    ),
    Format(
        name="openpose",
        extensions=(FOLDER,),
        content="a folder of `<name>_<frame, 12 digits>_keypoints.json`: `pose_keypoints_2d` of BODY_25, or of the "
        "skeleton that `--skeleton` names; `face_keypoints_2d` (70; the pupils are 0), both hands, `person_id`. Other "
        "numbers in the names are read too (`<name>_000012.json`, `12.json`), and bodies of 17, 26, 133 or 136 "
        "keypoints",
        omits=("times", "image sizes", "boxes", "scores of people", "3D keypoints"),
        read=_read_openpose,
        write=_write_openpose,
        streams=False,
        folder=True,
    ),
    Format(
        name="mmpose",
        extensions=(),
        content='`{"meta_info", "instance_info"}` as written by MMPose\'s demos, frames counted from 1; the '
        "inferencer's list, counted from 0, is read too",
        omits=("times", "image sizes", "3D keypoints"),
        read=_read_mmpose,
        write=_write_mmpose,
        streams=False,
    ),
    Format(
        name="yolo",
        extensions=(),
        content="a YOLO-pose data set (Ultralytics): a folder with `data.yaml` and `labels/*.txt`, places in units of "
        "the image's size. Reading takes the sizes from `images/`; files of `yolo predict save_txt=True` are read too",
        omits=("times", "ids", "scores of people", "scores of keypoints", "3D keypoints"),
        limits="sources",
        read=_read_yolo,
        write=_write_yolo,
        streams=False,
        folder=True,
    ),
    Format(
        name="motchallenge",
        extensions=(".txt",),
        content="lines of `frame, id, left, top, width, height, score, -1, -1, -1`, frames counted from 1; ground "
        "truth (`gt.txt`, a sequence's folder) is read too, with size and rate from its `seqinfo.ini`",
        omits=("times", "image sizes", "keypoints", "people without an id", "3D keypoints"),
        limits="one source per file",
        read=_read_motchallenge,
        write=_write_motchallenge,
        streams=False,
        keypoints=False,
    ),
    Format(
        name="posetrack",
        extensions=(),
        content="a folder of `<sequence>.json`, or one file, as of PoseTrack18 and PoseTrack21: `images` with "
        "`vid_id`, frames counted from 0; `annotations` with `track_id`, `keypoints` and their `scores`. Keypoints are "
        "PoseTrack's (posetrack17), or of the skeleton that `--skeleton` names. Frames without labels are not read",
        omits=("times", "people without an id", "people without keypoints", "3D keypoints"),
        limits="models",
        read=_read_posetrack,
        write=_write_posetrack,
        streams=False,
        folder=True,
    ),
    Format(
        name="trc",
        extensions=(".trc",),
        content="a folder of `<source>_person<id>.trc`, or one file: the course of one person's markers, under the "
        "names of Pose2Sim, in metres (x to the right, y up, z towards the camera) or with `--pixels` in pixels as "
        "Sports2D does (y down); `NaN` where a marker is missing",
        omits=("image sizes", "boxes", "scores of people", "scores of keypoints", "people without an id"),
        read=_read_trc,
        write=_write_trc,
        streams=False,
        folder=True,
    ),
    Format(
        name="c3d",
        extensions=(".c3d",),
        content="a folder of `<source>_person<id>.c3d`, or one file: as `trc`, in the binary form of motion capture "
        "programs",
        omits=("image sizes", "boxes", "scores of people", "scores of keypoints", "people without an id"),
        limits="uneven times",
        read=_read_c3d,
        write=_write_c3d,
        streams=False,
        folder=True,
        extra="c3d",
    ),
    Format(
        name="sleap",
        extensions=(".slp",),
        content="SLEAP's labels: predicted instances with the scores of keypoints and people, a track per id; videos "
        "and images by name. Instances that people have labelled are read too, with score 1",
        omits=("times", "boxes", "people without keypoints", "3D keypoints"),
        limits="models",
        read=_read_sleap,
        write=_write_sleap,
        streams=False,
        extra="sleap",
    ),
    Format(
        name="nwb",
        extensions=(".nwb",),
        content="Neurodata Without Borders with ndx-pose, as sleap-io lays it out: a time series per source, person "
        "and keypoint. Any PoseEstimation is read, also of other programs",
        omits=(
            "boxes",
            "scores of people",
            "people without keypoints",
            "scores of keypoints outside 0 to 1",
            "3D keypoints",
        ),
        limits="people without an id (a person alone needs none), images, labels, models",
        read=_read_nwb,
        write=_write_nwb,
        streams=False,
        extra="sleap",
    ),
    Format(
        name="dlc",
        extensions=(".h5",),
        content="DeepLabCut's tables, CSV (`--to dlc -o walk.csv`) or HDF5 (extra): a row per frame, `x`, `y`, "
        "`likelihood` per person (`person<id>`) and keypoint. Labelled data (`CollectedData_*.csv`) is read too",
        omits=(
            "times",
            "image sizes",
            "boxes",
            "scores of people",
            "people without keypoints",
            "scores of keypoints outside 0 to 1",
            "3D keypoints",
        ),
        limits="people without an id (a person alone needs none), labels, models; one source per file",
        read=_read_dlc,
        write=_write_dlc,
        streams=False,
        extra="dlc",
    ),
    Format(
        name="label-studio",
        extensions=(),
        content="tasks of Label Studio with predictions: a rectangle per person, a point per keypoint within it, "
        "scores; the labelling configuration in `<name>.label_config.xml`",
        omits=("scores of keypoints outside 0 to 1", "3D keypoints"),
        limits="keypoints that do not exist",
        read=None,
        write=_write_label_studio,
        streams=False,
    ),
    Format(
        name="rerun",
        extensions=(".rrd",),
        content="a recording of the Rerun viewer: keypoints, boxes and scores per source and person over `frame` and "
        "`time`, with the names and links of the skeleton",
        omits=("image sizes", "3D keypoints"),
        limits="models, labels",
        read=None,
        write=_write_rerun,
        streams=False,
        extra="rerun",
    ),
    Format(
        name="opensim-mot",
        extensions=(),
        content="a folder of `<source>_person<id>.mot`, OpenSim's motion files: the angles of `rtm angles` in degrees "
        "over time, `NaN` where there is none",
        omits=("people without an id",),
        limits="everything else",
        read=None,
        write=_write_opensim_motion,
        streams=False,
        folder=True,
        keypoints=False,
    ),
)
