"""Read what `rtm view` wrote: the page's data as Python objects, its arrays unpacked as `page/data.js` does."""

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.view.pack import ANGLE_STEP, MISSING, SCORE_STEPS, Reference


def page_data(page: Path) -> dict[str, Any]:
    """The JSON of a page."""
    return json.loads(element_text(page, "page-data"))


def element_text(page: Path, name: str) -> str:
    """The text of the script element with this id."""
    found = re.search(rf'<script type="[^"]*" id="{name}">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None, name
    return found[1]


def unpacked(block: bytes, reference: Reference) -> np.ndarray:
    """One array of an inflated block."""
    offset, length, width = reference
    planes = np.frombuffer(block, np.uint8, length * width, offset).reshape(width, length)
    kind = np.dtype(np.uint8 if width == 1 else f"<i{width}")
    differences = planes.T.copy().view(kind).reshape(length)
    return np.cumsum(differences.astype(np.int64)).astype(kind)


class PageClip:
    """One clip of a page with its numbers in the units of the records."""

    def __init__(self, page: Path, number: int = 0) -> None:
        self.entry = page_data(page)["clips"][number]
        self.block = zlib.decompress(base64.b64decode(element_text(page, f"block-{self.entry['block']}")))

    def array(self, reference: Reference) -> np.ndarray:
        return unpacked(self.block, reference)

    def keypoints(self, track: int) -> np.ndarray:
        """(N, K, 3) x, y, score; NaN where missing."""
        entry = self.entry["tracks"][track]
        count = entry["at"][1]
        steps = self.array(entry["xy"]).reshape(-1, 2, count).transpose(2, 0, 1)  # (N, K, 2)
        scores = self.array(entry["keypointScores"]).reshape(-1, count).T  # (N, K)
        points = np.where(steps == MISSING, np.nan, steps * self.entry["step"])
        values = np.where(scores == 255, np.nan, scores / SCORE_STEPS)
        return np.concatenate([points, values[..., None]], axis=-1)

    def rows(self, track: int) -> list[int]:
        """The records that a person is in."""
        return self.array(self.entry["tracks"][track]["at"]).tolist()

    def angle(self, track: int, name: str) -> np.ndarray:
        steps = self.array(self.entry["tracks"][track]["angles"][name])
        return np.where(steps == MISSING, np.nan, steps * ANGLE_STEP)
