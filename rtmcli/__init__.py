"""Real-time multi-person pose estimation, as composable tools: the library behind the verbs of `rtm`.

Everything in `__all__` is public. Each name is imported on first use, so `import rtmcli` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtmcli.draw import draw_frame as draw_frame
    from rtmcli.engines import open_engine as open_engine
    from rtmcli.engines.base import Engine as Engine
    from rtmcli.errors import DataError as DataError
    from rtmcli.errors import MissingError as MissingError
    from rtmcli.errors import RtmError as RtmError
    from rtmcli.errors import UsageError as UsageError
    from rtmcli.export.run import Exported as Exported
    from rtmcli.export.run import ExportOptions as ExportOptions
    from rtmcli.export.run import export_model as export_model
    from rtmcli.filters.nms import one_pose_per_person as one_pose_per_person
    from rtmcli.filters.nms import pose_nms as pose_nms
    from rtmcli.filters.offline import smooth_offline as smooth_offline
    from rtmcli.filters.smoother import Smoother as Smoother
    from rtmcli.filters.track_smoothing import OfflineOptions as OfflineOptions
    from rtmcli.filters.track_smoothing import Repairs as Repairs
    from rtmcli.formats.alphapose import write_alphapose as write_alphapose
    from rtmcli.formats.c3d import read_c3d as read_c3d
    from rtmcli.formats.c3d import write_c3d as write_c3d
    from rtmcli.formats.coco_labels_writer import write_coco_labels as write_coco_labels
    from rtmcli.formats.coco_reader import read_coco_records as read_coco_records
    from rtmcli.formats.coco_writer import write_coco_results as write_coco_results
    from rtmcli.formats.csv_reader import read_table as read_table
    from rtmcli.formats.csv_wide import read_wide_table as read_wide_table
    from rtmcli.formats.csv_wide import write_wide_table as write_wide_table
    from rtmcli.formats.csv_writer import write_table as write_table
    from rtmcli.formats.dataframe import to_dataframe as to_dataframe
    from rtmcli.formats.dlc import read_dlc as read_dlc
    from rtmcli.formats.dlc import write_dlc as write_dlc
    from rtmcli.formats.label_studio import write_label_studio as write_label_studio
    from rtmcli.formats.labels import read_labels as read_labels
    from rtmcli.formats.mmpose import read_mmpose as read_mmpose
    from rtmcli.formats.mmpose import write_mmpose as write_mmpose
    from rtmcli.formats.motchallenge import read_motchallenge as read_motchallenge
    from rtmcli.formats.motchallenge import write_motchallenge as write_motchallenge
    from rtmcli.formats.nwb import read_nwb as read_nwb
    from rtmcli.formats.nwb import write_nwb as write_nwb
    from rtmcli.formats.openpose_reader import read_openpose as read_openpose
    from rtmcli.formats.openpose_writer import write_openpose as write_openpose
    from rtmcli.formats.opensim_motion import write_opensim_motion as write_opensim_motion
    from rtmcli.formats.parquet import read_parquet as read_parquet
    from rtmcli.formats.parquet import write_parquet as write_parquet
    from rtmcli.formats.parts import map_frame as map_frame
    from rtmcli.formats.parts import merge_frames as merge_frames
    from rtmcli.formats.parts import part_boxes as part_boxes
    from rtmcli.formats.posetrack import read_posetrack as read_posetrack
    from rtmcli.formats.posetrack import write_posetrack as write_posetrack
    from rtmcli.formats.rerun import write_rerun as write_rerun
    from rtmcli.formats.sleap import read_sleap as read_sleap
    from rtmcli.formats.sleap import write_sleap as write_sleap
    from rtmcli.formats.to_supervision import to_supervision as to_supervision
    from rtmcli.formats.trc import read_trc as read_trc
    from rtmcli.formats.trc import write_trc as write_trc
    from rtmcli.formats.yolo import read_yolo as read_yolo
    from rtmcli.formats.yolo import write_yolo as write_yolo
    from rtmcli.inference.appearance import add_appearance as add_appearance
    from rtmcli.inference.camera_motion import CameraMotion as CameraMotion
    from rtmcli.inference.detector import Detector as Detector
    from rtmcli.inference.onestage import OneStage as OneStage
    from rtmcli.inference.open_model import OpenModel as OpenModel
    from rtmcli.inference.open_model import open_model as open_model
    from rtmcli.inference.pipeline import Item as Item
    from rtmcli.inference.pipeline import items_of as items_of
    from rtmcli.inference.pipeline import run_pipeline as run_pipeline
    from rtmcli.inference.topdown import TopDown as TopDown
    from rtmcli.kinematics.events import mark_events as mark_events
    from rtmcli.kinematics.measure import JointAngles as JointAngles
    from rtmcli.kinematics.metres import to_metres as to_metres
    from rtmcli.media import ListedSource as ListedSource
    from rtmcli.media import Media as Media
    from rtmcli.media import Picture as Picture
    from rtmcli.media import Writer as Writer
    from rtmcli.media import expand_sources as expand_sources
    from rtmcli.media import open_media as open_media
    from rtmcli.media import open_writer as open_writer
    from rtmcli.media.frame_lookup import find_pictures as find_pictures
    from rtmcli.metrics.collect_results import collect_results as collect_results
    from rtmcli.metrics.collect_results import rank_poses as rank_poses
    from rtmcli.metrics.evaluate import Report as Report
    from rtmcli.metrics.evaluate import evaluate_boxes as evaluate_boxes
    from rtmcli.metrics.evaluate import evaluate_distances as evaluate_distances
    from rtmcli.metrics.evaluate import evaluate_precision as evaluate_precision
    from rtmcli.records.frame import Frame as Frame
    from rtmcli.records.frame import Instance as Instance
    from rtmcli.records.ndjson import encode_frame as encode_frame
    from rtmcli.records.ndjson import read_frames as read_frames
    from rtmcli.records.ndjson import write_frames as write_frames
    from rtmcli.records.parse import decode_frame as decode_frame
    from rtmcli.records.schema import check_records as check_records
    from rtmcli.skeletons import Skeleton as Skeleton
    from rtmcli.skeletons import load_skeleton as load_skeleton
    from rtmcli.skeletons import map_keypoints as map_keypoints
    from rtmcli.tracking import Tracker as Tracker
    from rtmcli.tracking import fill_gaps as fill_gaps
    from rtmcli.tracking import summarize_tracks as summarize_tracks
    from rtmcli.tracking import track_ahead as track_ahead
    from rtmcli.tracking import track_offline as track_offline
    from rtmcli.training.data.dataset import load_set as load_set
    from rtmcli.training.initialization import save_model as save_model
    from rtmcli.training.model import make_network as make_network
    from rtmcli.training.recipe import Recipe as Recipe
    from rtmcli.training.recipe_file import load_recipe as load_recipe
    from rtmcli.training.recipe_file import override_recipe as override_recipe
    from rtmcli.training.tasks.make import make_task as make_task
    from rtmcli.training.trainer import Training as Training
    from rtmcli.view.run import write_page as write_page
    from rtmcli.zoo.card import Card as Card
    from rtmcli.zoo.fetch import fetch_model as fetch_model
    from rtmcli.zoo.listing import list_models as list_models
    from rtmcli.zoo.resolve import find_model as find_model

__version__ = "0.1.0"

# Module -> what it gives, in the order of docs/api.md; the imports above say the same to type checkers.
_PUBLIC = {
    "records.frame": ("Frame", "Instance"),
    "records.ndjson": ("read_frames", "write_frames", "encode_frame"),
    "records.parse": ("decode_frame",),
    "records.schema": ("check_records",),
    "media": ("open_media", "expand_sources", "ListedSource", "Media", "Picture", "open_writer", "Writer"),
    "media.frame_lookup": ("find_pictures",),
    "inference.detector": ("Detector",),
    "inference.topdown": ("TopDown",),
    "inference.onestage": ("OneStage",),
    "inference.open_model": ("open_model", "OpenModel"),
    "engines": ("open_engine",),
    "engines.base": ("Engine",),
    "inference.pipeline": ("run_pipeline", "items_of", "Item"),
    "inference.appearance": ("add_appearance",),
    "inference.camera_motion": ("CameraMotion",),
    "tracking": ("Tracker", "track_ahead", "track_offline", "fill_gaps", "summarize_tracks"),
    "filters.smoother": ("Smoother",),
    "filters.offline": ("smooth_offline",),
    "filters.track_smoothing": ("OfflineOptions", "Repairs"),
    "kinematics.measure": ("JointAngles",),
    "kinematics.metres": ("to_metres",),
    "kinematics.events": ("mark_events",),
    "filters.nms": ("one_pose_per_person", "pose_nms"),
    "draw": ("draw_frame",),
    "view.run": ("write_page",),
    "skeletons": ("Skeleton", "load_skeleton", "map_keypoints"),
    "formats.parts": ("map_frame", "part_boxes", "merge_frames"),
    "formats.coco_reader": ("read_coco_records",),
    "formats.coco_writer": ("write_coco_results",),
    "formats.coco_labels_writer": ("write_coco_labels",),
    "formats.openpose_writer": ("write_openpose",),
    "formats.openpose_reader": ("read_openpose",),
    "formats.mmpose": ("read_mmpose", "write_mmpose"),
    "formats.alphapose": ("write_alphapose",),
    "formats.yolo": ("read_yolo", "write_yolo"),
    "formats.csv_reader": ("read_table",),
    "formats.csv_writer": ("write_table",),
    "formats.csv_wide": ("read_wide_table", "write_wide_table"),
    "formats.sleap": ("read_sleap", "write_sleap"),
    "formats.nwb": ("read_nwb", "write_nwb"),
    "formats.dlc": ("read_dlc", "write_dlc"),
    "formats.label_studio": ("write_label_studio",),
    "formats.rerun": ("write_rerun",),
    "formats.parquet": ("read_parquet", "write_parquet"),
    "formats.c3d": ("read_c3d", "write_c3d"),
    "formats.trc": ("read_trc", "write_trc"),
    "formats.posetrack": ("read_posetrack", "write_posetrack"),
    "formats.motchallenge": ("read_motchallenge", "write_motchallenge"),
    "formats.opensim_motion": ("write_opensim_motion",),
    "formats.dataframe": ("to_dataframe",),
    "formats.to_supervision": ("to_supervision",),
    "formats.labels": ("read_labels",),
    "metrics.collect_results": ("collect_results", "rank_poses"),
    "metrics.evaluate": ("evaluate_precision", "evaluate_boxes", "evaluate_distances", "Report"),
    "zoo.card": ("Card",),
    "zoo.resolve": ("find_model",),
    "zoo.fetch": ("fetch_model",),
    "zoo.listing": ("list_models",),
    "export.run": ("export_model", "ExportOptions", "Exported"),
    "training.recipe": ("Recipe",),
    "training.recipe_file": ("load_recipe", "override_recipe"),
    "training.data.dataset": ("load_set",),
    "training.tasks.make": ("make_task",),
    "training.model": ("make_network",),
    "training.trainer": ("Training",),
    "training.initialization": ("save_model",),
    "errors": ("RtmError", "UsageError", "DataError", "MissingError"),
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = ["__version__", *_MODULE_OF]


# Hidden from type checkers, for which every attribute would exist.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _MODULE_OF:
            return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
