"""The one reader of label files: COCO's form, and MPII's list, which is brought into it.

A label file is read as `{"images": [...], "annotations": [...], "categories": [...]}`, COCO's keys.
"""

import json
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from rtmcli.errors import DataError
from rtmcli.skeletons import load_skeleton

# MPII gives a person's scale relative to 200 pixels.
_MPII_PIXELS = 200.0
# mmpose crops a square of the whole scale about a centre 15 pixels lower (relative to 200); rtm grows boxes by 1.25.
_MPII_LOWER, _PADDING = 15.0, 1.25


def read_labels(path: str | Path) -> dict[str, Any]:
    """A label file in COCO's form, or MPII's list of people (`image`, `joints`, `joints_vis`, `center`, `scale`).

    Categories are made up where they are left out, and `category_id` is 1 where an annotation has none.

    Raises DataError where it is not a label file.
    """
    data = read_json(path)
    if isinstance(data, list):
        if data and isinstance(data[0], dict) and {"joints", "joints_vis", "image"} <= data[0].keys():
            return _from_mpii(data, path)
        raise DataError(f"{path} is a list of results, not labels; a label file has images and annotations")
    for key in ("images", "annotations"):
        if not isinstance(data, dict) or not isinstance(data.get(key), list):
            raise DataError(f"{path} is not a COCO label file: it has no list {key!r}")
    for key, needed in (("images", ("id",)), ("annotations", ("image_id",))):
        for number, entry in enumerate(data[key]):
            missing = [k for k in needed if not isinstance(entry, dict) or k not in entry]
            if missing:
                raise DataError(f"{path}: {key}[{number}] has no {missing[0]!r}")
    for annotation in data["annotations"]:
        annotation.setdefault("category_id", 1)
    if not data.get("categories"):
        data["categories"] = [{"id": c} for c in sorted({a["category_id"] for a in data["annotations"]})]
    return data


def read_json(path: str | Path) -> Any:
    """The content of a JSON file. Raises DataError where it cannot be read or is not JSON."""
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None


def _from_mpii(people: list[Any], path: str | Path) -> dict[str, Any]:
    """MPII's list in COCO's form. MPII counts pixels from 1, COCO and rtm from 0."""
    stems = {PurePath(str(person.get("image"))).stem for person in people}
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
            centre = np.asarray(person["center"], np.float64) - 1
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path}: entry {number} is not one of MPII's people: {error!r}") from None
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
