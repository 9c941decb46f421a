"""Checks of labels and predictions before an evaluation: what would end in an AP of 0 or -1 raises DataError."""

from collections.abc import Mapping, Sequence
from typing import Any

from rtmcli.errors import DataError
from rtmcli.formats.labels import named_skeletons, points_of
from rtmcli.skeletons import Skeleton, load_skeleton, skeleton_names


def keep_images(truth: Mapping[str, Any], key: str) -> tuple[dict[str, Any], list[Any]]:
    """The labels of the images whose entry has `key` true, and the images left out."""
    kept = [image for image in truth["images"] if image.get(key)]
    if not kept:
        known = sorted(
            {k for image in truth["images"] for k, value in image.items() if isinstance(value, bool)}
        )
        hint = f"; entries with true or false there: {', '.join(known)}" if known else ""
        raise DataError(f"no image of the labels has {key!r} true{hint}")
    ids = {image["id"] for image in kept}
    annotations = [a for a in truth["annotations"] if a["image_id"] in ids]
    left_out = [image for image in truth["images"] if image["id"] not in ids]
    return {**truth, "images": kept, "annotations": annotations}, left_out


def label_skeleton(truth: Mapping[str, Any], name: str | None, predicted: Sequence[str]) -> Skeleton:
    """The skeleton of the labels' keypoints: the one named, else that of the records, else found by the keypoints'
    names or number.

    Raises DataError where the labels have no keypoints, where their number differs among the labels or from the
    skeleton's, and where nothing says which skeleton it is.
    """
    counts = {len(points_of(a)) for a in truth["annotations"] if "keypoints" in a} - {0}
    if not counts:  # labels in space alone
        counts = {len(a["keypoints3d"]) for a in truth["annotations"] if a.get("keypoints3d")}
    if not counts:
        raise DataError("the labels have no keypoints; --boxes compares boxes")
    if len(counts) > 1:
        names = [str(c.get("name", c["id"])) for c in truth["categories"]]
        remedy = (
            f"; --category chooses one of {', '.join(names)}" if len(names) > 1 else "; one number is wrong"
        )
        raise DataError(
            f"the labels have {' and '.join(map(str, sorted(counts)))} keypoints per person{remedy}"
        )
    count = counts.pop()
    if len(predicted) > 1:
        raise DataError(f"the records mix the skeletons {', '.join(sorted(predicted))}; evaluate each alone")
    chosen = (
        name or (predicted[0] if predicted else None) or _by_names(truth, count) or _by_count(truth, count)
    )
    if chosen is None:
        raise DataError(f"the skeleton of the labels' {count} keypoints is unknown; name it with --skeleton")
    skeleton = load_skeleton(chosen)
    if len(skeleton) != count:
        remedy = "--skeleton names the labels' own"
        target = _by_names(truth, count) or _by_count(truth, count)
        if predicted and not name:
            remedy = f"'rtm convert --skeleton {target or 'NAME'}' translates records"
        raise DataError(
            f"the labels have {count} keypoints, but {skeleton.name} has sigmas for {len(skeleton)}; {remedy}"
        )
    named = _by_names(truth, count)
    if named and not name and load_skeleton(named).keypoints != skeleton.keypoints:
        raise DataError(
            f"the labels name the points of {named}, the records those of {skeleton.name}; "
            f"--skeleton says which sigmas to use"
        )
    return skeleton


def is_crowdpose(truth: Mapping[str, Any]) -> bool:
    """Whether every image has CrowdPose's `crowdIndex`."""
    return bool(truth["images"]) and all("crowdIndex" in image for image in truth["images"])


def check_keypoint_labels(truth: Mapping[str, Any], *, use_area: bool) -> tuple[int, list[str]]:
    """The number of people with labelled keypoints, and notes.

    Raises DataError where there is none, where a box or an area is absent, and where no area is above 0.
    """
    ids = {image["id"] for image in truth["images"]}
    people = [a for a in truth["annotations"] if a["image_id"] in ids and not a.get("iscrowd")]
    labelled = [a for a in people if "keypoints" in a and (points_of(a)[:, 2] > 0).any()]
    if not labelled:
        raise DataError(
            f"none of the labels' {len(people)} people in {len(ids)} images has a labelled keypoint "
            "(a third number above 0 in 'keypoints')"
        )
    for annotation in people:
        if len(annotation.get("bbox", ())) != 4:
            raise DataError(f"{_name(annotation)} has no bbox of four numbers (x, y, width, height)")
    absent = [a for a in labelled if use_area and "area" not in a]
    flat = [a for a in labelled if (a.get("area", 0) if use_area else a["bbox"][2] * a["bbox"][3]) <= 0]
    if not flat:
        return len(labelled), []
    what = "area" if use_area else "box"
    remedy = "; --area box takes 0.53 of the box instead" if use_area else ""
    text = f"{len(flat)} of {len(labelled)} labelled people have no {what} above 0 (first: {_name(flat[0])})"
    if absent or len(flat) == len(labelled):
        raise DataError(f"{text}, so that their OKS would be 0{remedy}")
    return len(labelled), [f"{text}: their OKS is 0{remedy}"]


def check_box_labels(truth: Mapping[str, Any]) -> tuple[int, list[str]]:
    """The number of boxes to find, and notes. Raises DataError where there is none, or an annotation has no box."""
    ids = {image["id"] for image in truth["images"]}
    boxes = [a for a in truth["annotations"] if a["image_id"] in ids and not a.get("iscrowd")]
    if not boxes:
        raise DataError(f"the labels of {len(ids)} images have no box")
    without = next((a for a in truth["annotations"] if len(a.get("bbox", ())) != 4), None)
    if without is not None:
        raise DataError(f"{_name(without)} has no bbox of four numbers (x, y, width, height)")
    flat = [a for a in boxes if min(a["bbox"][2:]) <= 0]
    if len(flat) == len(boxes):
        raise DataError(f"no box of the labels has width and height above 0 (first: {_name(flat[0])})")
    notes = (
        [f"{len(flat)} of {len(boxes)} labelled boxes have no width or height and cannot be found"]
        if flat
        else []
    )
    return len(boxes), notes


def check_result_ids(results: Sequence[Mapping[str, Any]], truth: Mapping[str, Any], known: set[Any]) -> None:
    """DataError where results are of images or categories that the labels do not have."""
    strange = sorted({str(r["image_id"]) for r in results if r["image_id"] not in known})
    if strange:
        images = {r["image_id"] for r in results}
        odd, own = next(r["image_id"] for r in results if r["image_id"] not in known), next(iter(known), None)
        if isinstance(odd, str) != isinstance(own, str) and own is not None:
            kinds = ["text", "numbers"] if isinstance(odd, str) else ["a number", "text"]
            raise DataError(
                f"image_id {odd!r} is {kinds[0]}, the labels have {kinds[1]} such as {own!r}; write the ids as the "
                "label file does"
            )
        raise DataError(
            f"{len(strange)} of {len(images)} images of the results are not in the labels "
            f"(first: image_id {odd}); ids must be those of the label file"
        )
    categories = {c["id"] for c in truth["categories"]}
    other = sorted({str(r["category_id"]) for r in results if r["category_id"] not in categories})
    if other and len(other) == len({str(r["category_id"]) for r in results}):
        raise DataError(
            f"the results are of category {', '.join(other)}, the labels of {', '.join(map(str, sorted(categories)))}"
        )


def check_points(results: Sequence[Mapping[str, Any]], skeleton: Skeleton) -> None:
    """DataError where a result has another number of points than the labels' skeleton."""
    for result in results:
        count = len(points_of(result))
        if count != len(skeleton):
            raise DataError(
                f"a result of image {result['image_id']} has {count} keypoints, the labels {len(skeleton)} "
                f"({skeleton.name}); 'rtm convert --skeleton {skeleton.name}' translates records"
            )


def _by_names(truth: Mapping[str, Any], count: int) -> str | None:
    """The skeleton whose keypoint names the labels' categories list."""
    names = {name for name in named_skeletons(truth).values() if name and len(load_skeleton(name)) == count}
    return names.pop() if len(names) == 1 else None


def _by_count(truth: Mapping[str, Any], count: int) -> str | None:
    """CrowdPose's skeleton by its crowd indices, COCO's where people have no names for their keypoints; else the only
    one with that number.
    """
    if count == 14 and is_crowdpose(truth):
        return "crowdpose14"
    listed = any(len(c.get("keypoints") or ()) == count for c in truth["categories"])
    named = any(str(c.get("name", "person")).casefold() == "person" for c in truth["categories"])
    only = len({a["category_id"] for a in truth["annotations"] if "keypoints" in a}) == 1
    if not listed and (named or only) and count in (17, 26, 133):
        return {17: "coco17", 26: "halpe26", 133: "coco133"}[count]
    fitting = [n for n in skeleton_names() if len(load_skeleton(n)) == count]
    return fitting[0] if len(fitting) == 1 else None


def _name(annotation: Mapping[str, Any]) -> str:
    return f"annotation {annotation.get('id', '?')} of image {annotation['image_id']}"
