"""MPII's list of people in the form of COCO's labels, as mmpose's label files have it."""

from pathlib import Path, PurePath
from typing import Any

import numpy as np

from rtmcli.errors import DataError
from rtmcli.skeletons import load_skeleton

# MPII gives a person's scale relative to 200 pixels.
_MPII_PIXELS = 200.0
# mmpose crops a square of the whole scale about a centre 15 pixels lower (relative to 200); rtm grows boxes by 1.25.
_MPII_LOWER, _PADDING = 15.0, 1.25


def is_mpii(data: Any) -> bool:
    """Whether a parsed file is MPII's list of people."""
    return (
        isinstance(data, list)
        and bool(data)
        and isinstance(data[0], dict)
        and {"joints", "joints_vis", "image"} <= data[0].keys()
    )


def labels_of_mpii(people: list[Any], path: str | Path) -> dict[str, Any]:
    """MPII's list in COCO's form. MPII counts pixels from 1, COCO and rtm from 0.

    Raises DataError at the first entry that lacks a key, or has something else there.
    """
    stems = {
        PurePath(str(person.get("image") if isinstance(person, dict) else None)).stem for person in people
    }
    numbered = all(stem.isdecimal() for stem in stems)  # as mmpose numbers them
    images: dict[str, dict[str, Any]] = {}
    annotations = []
    for number, person in enumerate(people):
        try:
            name = str(person["image"])
            seen = np.asarray(person["joints_vis"], np.float64).ravel() > 0  # (16,)
            joints = np.asarray(person["joints"], np.float64).reshape(len(seen), 2) - 1
            points = np.column_stack([joints, np.full(len(seen), 2.0)])
            points[~seen] = 0
            side = _MPII_PIXELS * float(person["scale"])
            centre = np.asarray(person["center"], np.float64).reshape(2) - 1
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f"{path}: entry {number} is not one of MPII's people: expected image, joints (x, y of each), "
                "joints_vis (a number for each), center (x, y) and scale"
            ) from None
        centre[1] += _MPII_LOWER / _MPII_PIXELS * side
        side /= _PADDING
        image = images.setdefault(
            name, {"id": int(PurePath(name).stem) if numbered else len(images) + 1, "file_name": name}
        )
        annotations.append(
            {
                "id": number + 1,
                "image_id": image["id"],
                "category_id": 1,
                "bbox": [centre[0] - side / 2, centre[1] - side / 2, side, side],
                "keypoints": points.ravel().tolist(),
                **{key: person[key] for key in ("head_size", "bbox_head") if key in person},
            }
        )
    names = list(load_skeleton("mpii16").keypoints)
    category = {"id": 1, "name": "person", "keypoints": names}
    return {"images": list(images.values()), "annotations": annotations, "categories": [category]}
