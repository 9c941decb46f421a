"""What `rtm eval` scores: records or COCO results, from a file or standard input."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtmcli.errors import DataError
from rtmcli.formats.coco import check_results, frames_of_results
from rtmcli.metrics.collect_results import gather, is_onestage
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
        images: ids of the pictures that have a record or a result.
        unmatched: where the records are that the labels have no picture for.
        records: how many records or results came.
        skeletons: names that occur in the records. onestage: whether one-stage models made them.
        other_labels: instances of classes without labels, by name. cuts: sources that ended early, in words.
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
    cuts: str

    @property
    def has_keypoints(self) -> bool:
        """Whether anybody has a pose."""
        return any("keypoints" in result for result in self.results)

    def notes(self, pictures: int) -> list[str]:
        """What a person should know before trusting the figures."""
        told = []
        if self.cuts:
            told.append(f"the stream was cut: {self.cuts}")
        if self.unmatched:
            told.append(f"passed over {len(self.unmatched)} records of pictures without labels")
        if self.other_labels:
            names = ", ".join(f"{count} {name}" for name, count in self.other_labels.items())
            told.append(f"passed over instances of classes without labels: {names}")
        if not self.ranked and len(self.images) < pictures:
            told.append(
                f"{len(self.images)} of {pictures} labelled pictures have a record; people in the others count"
            )
        if not self.results:
            told.append(f"nobody was found in {self.records} records, so every figure is 0")
        return told


def read_predictions(
    predictions: str, labels: Mapping[str, Any], left_out: Sequence[Any], *, keep_frames: bool
) -> Predictions:
    """Records, or COCO results where the first character is a bracket."""
    try:
        stream = standard_input("records") if predictions == "-" else open(predictions, "rb")  # noqa: SIM115
    except OSError as error:
        raise DataError(f"cannot read {predictions}: {error.strerror}") from None
    with stream:
        if stream.peek(64)[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):  # type: ignore[attr-defined]
            return _read_results(stream.read(), input_name(predictions), labels, left_out)
        told = gather(read_frames(stream), labels, ignored=left_out, keep_frames=keep_frames)
    if not told.records:
        raise DataError(f"{input_name(predictions)} holds no records")
    return Predictions(
        results=told.results,
        ranked=False,
        frames=told.frames,
        images=told.images,
        unmatched=told.unmatched,
        records=told.records,
        skeletons=sorted(told.skeletons),
        onestage=is_onestage(told.models),
        other_labels=told.other_labels,
        cuts=str(told.cuts),
    )


def _read_results(data: bytes, name: str, labels: Mapping[str, Any], left_out: Sequence[Any]) -> Predictions:
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise DataError(f"{name} is not JSON: {error}") from None
    not_wanted = {image["id"] for image in left_out}
    results = [r for r in check_results(parsed, name) if r["image_id"] not in not_wanted]
    results = [{**result, "id": number} for number, result in enumerate(results)]
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
        cuts="",
    )
