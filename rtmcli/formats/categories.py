"""Which category of a label file an instance belongs to."""

from collections.abc import Mapping
from typing import Any

from rtmcli.records.frame import Instance


class CategoryOf:
    """The category of an instance in a label file, by its label; None where the file has none for it."""

    def __init__(self, truth: Mapping[str, Any]) -> None:
        categories = truth["categories"]
        self._by_name = {str(c["name"]).casefold(): c["id"] for c in categories if "name" in c}
        # The names of categories that are not evaluated (`--category`) stay theirs.
        self._others = {str(c.get("name", "")).casefold() for c in truth.get("other_categories", ())}
        with_points = {
            a["category_id"] for a in truth["annotations"] if "keypoints" in a or "keypoints3d" in a
        }
        with_points |= {c["id"] for c in categories if c.get("keypoints")}
        self._only = categories[0]["id"] if len(categories) == 1 else None
        self._any_label = not self._by_name or "other_categories" in truth
        # The one category with keypoints is the person, whatever its name.
        self._person = with_points.pop() if len(with_points) == 1 else None

    def __call__(self, instance: Instance) -> Any:
        label = None if instance.label is None else instance.label.casefold()
        if label in self._by_name:
            return self._by_name[label]
        if label in self._others:
            return None
        if self._person is not None and (label in (None, "person") or instance.keypoints is not None):
            return self._person
        return self._only if label is None or self._any_label else None
