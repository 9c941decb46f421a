"""What `rtm eval` scores: records or COCO results, from a file or standard input."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtmcli.errors import DataError
from rtmcli.formats.alphapose import with_image_ids
from rtmcli.formats.coco import check_results, frames_of_results
from rtmcli.formats.image_names import listing
from rtmcli.formats.labels import reorder
from rtmcli.metrics.collect_results import collect_results, is_onestage
from rtmcli.records.frame import Frame
from rtmcli.records.line_io import input_name, standard_input
from rtmcli.records.ndjson import read_frames


@dataclass(slots=True)
class Predictions:
    """The predictions, whatever form they came in.

    Attributes:
        results: COCO results; of records one a person, unranked.
        ranked: whether they are a results file, whose scores rank as they are.
        frames: where kept, records with the results of their instances.
        images: ids of the images that have a record or a result.
        unmatched: places of records of which the labels have no image.
        records: how many records or results came.
        skeletons: names that occur in the records. onestage: whether one-stage models made them.
        other_labels: number of instances of classes without labels, by name.
        truncated: sources that are truncated, in words.
        matching: notes on images that were matched although names differ.
    """

    results: list[dict[str, Any]]
    ranked: bool
    frames: list[tuple[Frame, list[int | None]]]
    images: set[Any]
    unmatched: list[str]
    records: int
    skeletons: list[str]
    onestage: bool
    other_labels: dict[str, int]
    truncated: str
    matching: list[str]

    @property
    def has_keypoints(self) -> bool:
        """Whether any prediction has a pose."""
        return any("keypoints" in result for result in self.results)

    def notes(self, images: int) -> list[str]:
        """What must be known to read the figures."""
        notes = [*self.matching]
        if self.truncated:
            notes.append(f"the stream is truncated: {self.truncated}")
        if self.unmatched:
            notes.append(
                f"left out {len(self.unmatched)} of {self.records} records, whose images the labels do not have: "
                f"{listing(self.unmatched)}"
            )
        if self.other_labels:
            names = ", ".join(f"{count} {name}" for name, count in self.other_labels.items())
            notes.append(f"left out instances of other classes than the labels': {names}")
        if not self.ranked and len(self.images) < images:
            notes.append(
                f"{len(self.images)} of {images} labelled images have a record; people in the others count as missed"
            )
        if not self.results:
            notes.append(f"no person was found in {self.records} records")
        return notes


def read_predictions(
    predictions: str, labels: Mapping[str, Any], left_out: Sequence[Any], *, keep_frames: bool
) -> Predictions:
    """Records, or COCO results where the first character is a bracket."""
    try:
        stream = standard_input("records") if predictions == "-" else open(predictions, "rb")  # noqa: SIM115  closed below
    except OSError as error:
        raise DataError(f"cannot read {predictions}: {error.strerror}") from None
    with stream:
        # Both are buffered readers, which have peek.
        if stream.peek(64)[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):  # type: ignore[attr-defined]
            return _read_results(stream.read(), input_name(predictions), labels, left_out)
        collected = collect_results(read_frames(stream), labels, ignored=left_out, keep_frames=keep_frames)
    if not collected.records:
        raise DataError(f"{input_name(predictions)} holds no records")
    return Predictions(
        results=collected.results,
        ranked=False,
        frames=collected.frames,
        images=collected.images,
        unmatched=collected.unmatched,
        records=collected.records,
        skeletons=sorted(collected.skeletons),
        onestage=is_onestage(collected.models),
        other_labels=collected.other_labels,
        truncated=collected.frame_counts.truncated,
        matching=collected.notes,
    )


def _read_results(data: bytes, name: str, labels: Mapping[str, Any], left_out: Sequence[Any]) -> Predictions:
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise DataError(f"{name} is not JSON: {error}") from None
    given = check_results(parsed, name)
    if given and "bbox" in given[0] and "keypoints" in given[0]:
        # COCO's evaluation sizes all results by the box where the first has one.
        without = next((i for i, result in enumerate(given) if "bbox" not in result), None)
        if without is not None:
            raise DataError(
                f"{name}: entry 0 has a bbox and entry {without} has none; give all of them one, or none"
            )
    everything = {**labels, "images": [*labels["images"], *left_out]}
    given, matching = with_image_ids(given, everything, "the label file")
    not_wanted = {image["id"] for image in left_out}
    others = {category["id"] for category in labels.get("other_categories", ())}
    only = labels["categories"][0]["id"] if len(labels["categories"]) == 1 else 1
    results = [
        {"category_id": only, **result, "id": number}
        for number, result in enumerate(
            r for r in given if r["image_id"] not in not_wanted and r.get("category_id") not in others
        )
    ]
    for result in results:
        reorder(result, labels["keypoint_orders"].get(result["category_id"], ()))
    return Predictions(
        results=results,
        ranked=True,
        frames=list(frames_of_results(results, labels)),
        images={r["image_id"] for r in results},
        unmatched=[],
        records=len(results),
        skeletons=[],
        onestage=False,
        other_labels={},
        truncated="",
        matching=matching,
    )
