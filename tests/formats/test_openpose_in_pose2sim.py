"""OpenPose folders of an explicit skeleton, read by Pose2Sim's own loader in the order of its own body models."""

from pathlib import Path

import numpy as np
import pytest

from rtmcli.formats.marker_names import marker_names
from rtmcli.formats.openpose_writer import write_openpose
from tests.helpers.pose_records import clip


# Pose2Sim's models leave the eyes and ears out.
@pytest.mark.parametrize(
    ("skeleton", "model", "count"), [("coco17", "COCO_17", 13), ("halpe26", "HALPE_26", 22)]
)
def test_pose2sim_loads_the_values_of_the_records(
    skeleton: str, model: str, count: int, tmp_path: Path
) -> None:
    triangulation = pytest.importorskip("Pose2Sim.triangulation", exc_type=ImportError)
    from anytree import RenderTree
    from Pose2Sim import common, skeletons

    nodes = [node for _, _, node in RenderTree(getattr(skeletons, model)) if node.id is not None]
    assert len(nodes) == count
    cameras = [clip(skeleton, seed=seed, people=(1, 0, 2)) for seed in (1, 2)]
    for number, frames in enumerate(cameras):
        write_openpose(frames, tmp_path / f"cam{number}_json", skeleton=skeleton)
    files = [
        common.sort_stringlist_by_last_number([path.name for path in (tmp_path / f"cam{n}_json").iterdir()])
        for n in range(2)
    ]
    names = marker_names(skeleton)
    for row in range(3):
        here = [str(tmp_path / f"cam{n}_json" / files[n][row]) for n in range(2)]
        found = triangulation.extract_files_frame_f(here, [node.id for node in nodes])
        places = (
            np.array(found).reshape(3, -1, 2, count).transpose(1, 2, 3, 0)
        )  # (people, cameras, keypoints, 3)
        assert len(places) == len(cameras[0][row].instances)
        for camera, frames in enumerate(cameras):
            for person, one in enumerate(frames[row].instances):
                assert one.keypoints is not None
                order = [names.index(node.name) for node in nodes]
                expected = np.nan_to_num(one.keypoints[order])
                np.testing.assert_allclose(np.nan_to_num(places[person, camera]), expected, rtol=1e-6)
