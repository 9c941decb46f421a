"""`rtm eval` run in this process, and records that equal their labels."""

import numpy as np

from rtmcli.cli.app import main
from rtmcli.geometry.boxes import from_xywh
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import write_frames


def run(capsys, *arguments):
    """Exit code, standard output and standard error of `rtm eval`."""
    code = main(["eval", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def perfect_records(gt, path, *, shift=0.0, **frame_keys):
    """Records whose people stand where the labels say, off by `shift` pixels."""
    frames = []
    for image in gt["images"]:
        people = []
        for a in gt["annotations"]:
            if a["image_id"] == image["id"] and a["num_keypoints"] and not a["iscrowd"]:
                points = np.array(a["keypoints"], np.float32).reshape(-1, 3)
                points = np.where(points[:, 2:] > 0, points + np.float32(shift), np.float32(np.nan))
                points[:, 2] = 0.9
                box = from_xywh(np.array(a["bbox"], np.float32))
                people.append(Instance(box=box, score=0.9, keypoints=points, label="person"))
        keys = {"source": f"somewhere/{image['file_name']}", "frames": 1, "skeleton": "coco17"} | frame_keys
        frames.append(Frame(frame=0, instances=people, **keys))
    write_frames(frames, path)
    return frames
