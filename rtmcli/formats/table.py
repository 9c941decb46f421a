"""The table of file formats: what `rtm convert`, docs/formats.md and the tests know of each.

A new format is a module with its reader and writer, an entry here, and a function each in `readers` and `writers`.
"""

from difflib import get_close_matches

from rtmcli.errors import UsageError
from rtmcli.formats import readers, writers
from rtmcli.formats.format import FOLDER, Format


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


FORMATS = (
    Format(
        name="records",
        extensions=(".jsonl", ".ndjson"),
        content="one JSON object per frame, as all verbs read and write",
        omits=(),
        read=readers.records,
        write=writers.records,
    ),
    Format(
        name="csv",
        extensions=(".csv",),
        content="one row per keypoint: `source, frame, frames, time, width, height, skeleton, model, instance, id, "
        "label, x1, y1, x2, y2, score, index, keypoint, x, y, keypoint_score`. Rows are read in any order, also as "
        "spreadsheets and pandas rewrite them (semicolons, tabs, decimal commas, `1.0` for `1`, `NaN`, UTF-16)",
        omits=("frames without people", "3D keypoints"),
        limits="keys unknown to rtm",
        read=readers.csv,
        write=writers.csv,
    ),
    Format(
        name="csv-wide",
        extensions=(),
        usual_extension=".csv",
        content="one row per frame and person (one without a person for an empty frame): the columns of `csv` up to "
        "`score`, then `<keypoint>_x`, `<keypoint>_y`, `<keypoint>_score` for each keypoint of the skeleton",
        omits=("3D keypoints",),
        limits="keys unknown to rtm; one skeleton per file",
        read=readers.wide_csv,
        write=writers.wide_csv,
    ),
    Format(
        name="parquet",
        extensions=(".parquet",),
        content="one row per keypoint, typed: the columns of `csv`, and `x3d, y3d, z3d, score3d`; a row without a "
        "person for an empty frame; null for what does not exist. A folder (`-o NAME.parquet/`) has a subfolder "
        "`source=<name>` per source",
        omits=(),
        limits="keys unknown to rtm",
        read=readers.parquet,
        write=writers.parquet,
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
        read=readers.coco,
        write=writers.coco,
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
        read=readers.coco,
        write=writers.coco_labels,
        streams=False,
    ),
    Format(
        name="alphapose",
        extensions=(),
        content="AlphaPose's list (`alphapose-results.json`): `image_id` (a name; of a video `<frame>.jpg`), "
        "`keypoints`, `score`, `box`, `idx`",
        omits=("times", "image sizes", "frames without people", "3D keypoints"),
        limits="the name of a video",
        read=readers.coco,
        write=writers.alphapose,
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
        read=readers.openpose,
        write=writers.openpose,
        streams=False,
        folder=True,
    ),
    Format(
        name="mmpose",
        extensions=(),
        content='`{"meta_info", "instance_info"}` as written by MMPose\'s demos, frames counted from 1; the '
        "inferencer's list, counted from 0, is read too",
        omits=("times", "image sizes", "3D keypoints"),
        read=readers.mmpose,
        write=writers.mmpose,
        streams=False,
    ),
    Format(
        name="yolo",
        extensions=(),
        content="a YOLO-pose data set (Ultralytics): a folder with `data.yaml` and `labels/*.txt`, places in units of "
        "the image's size. Reading takes the sizes from `images/`; files of `yolo predict save_txt=True` are read too",
        omits=("times", "ids", "scores of people", "scores of keypoints", "3D keypoints"),
        limits="sources",
        read=readers.yolo,
        write=writers.yolo,
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
        read=readers.motchallenge,
        write=writers.motchallenge,
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
        read=readers.posetrack,
        write=writers.posetrack,
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
        read=readers.trc,
        write=writers.trc,
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
        read=readers.c3d,
        write=writers.c3d,
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
        read=readers.sleap,
        write=writers.sleap,
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
        read=readers.nwb,
        write=writers.nwb,
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
        read=readers.dlc,
        write=writers.dlc,
        streams=False,
        extra="dlc",
    ),
    Format(
        name="label-studio",
        extensions=(),
        content="a folder with `tasks.json` and `label_config.xml`, or `NAME.json` with `NAME.label_config.xml`: tasks "
        "of Label Studio with predictions, a rectangle per person, a point per keypoint within it, scores",
        omits=("scores of keypoints outside 0 to 1", "3D keypoints"),
        limits="keypoints that do not exist",
        read=None,
        write=writers.label_studio,
        streams=False,
        folder=True,
    ),
    Format(
        name="rerun",
        extensions=(".rrd",),
        content="a recording of the Rerun viewer: keypoints, boxes and scores per source and person over `frame` and "
        "`time`, with the names and links of the skeleton",
        omits=("image sizes", "3D keypoints"),
        limits="models, labels",
        read=None,
        write=writers.rerun,
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
        write=writers.opensim_motion,
        streams=False,
        folder=True,
        keypoints=False,
    ),
)
