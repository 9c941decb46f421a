"""The public names of the library: pinned, importable, and the same for Python and for type checkers."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import rtmcli

# A name that goes or changes is a breaking change: it belongs in CHANGELOG.md.
PUBLIC_NAMES = [
    "CameraMotion", "Card", "DataError", "Detector", "Engine", "ExportOptions", "Exported", "Frame",
    "Instance", "Item", "JointAngles", "ListedSource", "Media", "MissingError", "OfflineOptions",
    "OneStage", "OpenModel", "Picture", "Recipe", "Repairs", "Report", "RtmError", "Skeleton",
    "Smoother", "TopDown", "Tracker", "Training", "UsageError", "Writer", "__version__",
    "add_appearance", "check_records", "collect_results", "decode_frame", "draw_frame", "encode_frame",
    "evaluate_boxes", "evaluate_distances", "evaluate_precision", "expand_sources", "export_model",
    "fetch_model", "fill_gaps", "find_model", "find_pictures", "items_of", "list_models", "load_recipe",
    "load_set", "load_skeleton", "make_network", "make_task", "map_frame", "map_keypoints",
    "mark_events", "merge_frames", "one_pose_per_person", "open_engine", "open_media", "open_model",
    "open_writer", "override_recipe", "part_boxes", "pose_nms", "rank_poses", "read_c3d",
    "read_coco_records", "read_dlc", "read_frames", "read_labels", "read_mmpose", "read_motchallenge",
    "read_nwb", "read_openpose", "read_parquet", "read_posetrack", "read_sleap", "read_table",
    "read_trc", "read_wide_table", "read_yolo", "run_pipeline", "save_model", "smooth_offline",
    "summarize_tracks", "to_dataframe", "to_metres", "to_supervision", "track_ahead", "track_offline",
    "write_alphapose", "write_c3d", "write_coco_labels", "write_coco_results", "write_dlc",
    "write_frames", "write_label_studio", "write_mmpose", "write_motchallenge", "write_nwb",
    "write_openpose", "write_opensim_motion", "write_page", "write_parquet", "write_posetrack",
    "write_rerun", "write_sleap", "write_table", "write_trc", "write_wide_table", "write_yolo",
]  # fmt: skip


def test_the_public_names_are_these() -> None:
    assert sorted(rtmcli.__all__) == PUBLIC_NAMES
    assert dir(rtmcli) == PUBLIC_NAMES


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_a_public_name_can_be_imported(name: str) -> None:
    assert getattr(rtmcli, name) is not None


def test_another_name_raises_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Detektor'"):
        rtmcli.Detektor  # type: ignore[attr-defined]  # noqa: B018


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    tree = ast.parse(Path(rtmcli.__file__).read_text())
    (block,) = (
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {name: f"rtmcli.{module}.{name}" for name, module in rtmcli._MODULE_OF.items()}


def test_the_package_declares_that_it_is_typed() -> None:
    assert (Path(rtmcli.__file__).parent / "py.typed").is_file()


@pytest.mark.slow
def test_mypy_checks_a_program_that_uses_the_library_strictly(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from rtmcli import Detector, Frame, open_media\n"
        "detector = Detector()\n"
        "for picture in open_media('demo'):\n"
        "    (people,) = detector([picture.image])\n"
        "    frame = Frame(source='demo', frame=picture.frame, instances=people)\n"
        "    frame.instances[0].keypoint\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(program)],
        capture_output=True, text=True, cwd=Path(rtmcli.__file__).parent.parent,
    )  # fmt: skip
    assert run.stdout.count("error:") == 1
    assert '"Instance" has no attribute "keypoint"' in run.stdout


@pytest.mark.parametrize("name", [name for name in PUBLIC_NAMES if name != "__version__"])
def test_a_public_class_or_function_has_a_docstring(name: str) -> None:
    assert inspect.getdoc(getattr(rtmcli, name))
