"""Images -> a contact sheet: one image file with a small copy of each, labelled."""

import math
from pathlib import Path

import numpy as np

from rtmcli.errors import UsageError
from rtmcli.media.write.images import FileWriter

# Longer side of a small copy, in pixels.
_TILE = 320
_LABEL_HEIGHT = 22
_GAP = 4
_BACKGROUND, _TEXT = (32, 32, 32), (235, 235, 235)
# 1,000 tiles take 230 MB.
_MOST = 1000


class SheetWriter(FileWriter):
    """Rows of images in the order in which they come, about as wide as the sheet is high.

    A tile is labelled with its time, or with its name where it has none.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._tiles: list[np.ndarray] = []
        self._labels: list[str] = []

    def write(self, image: np.ndarray, *, time: float | None = None, name: str = "") -> None:
        from rtmcli.opencv import cv2

        if len(self._tiles) == _MOST:
            raise UsageError(f"{self._path}: more than {_MOST} images; take fewer with a longer --every")
        scale = _TILE / max(image.shape[:2])
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        self._tiles.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
        self._labels.append(name if time is None else _clock(time))

    def image(self) -> np.ndarray | None:
        return _sheet(self._tiles, self._labels) if self._tiles else None


def _sheet(tiles: list[np.ndarray], labels: list[str]) -> np.ndarray:
    """(H, W, 3): cells of one size, each with its image in the middle and the label below."""
    from rtmcli.opencv import cv2

    height = max(tile.shape[0] for tile in tiles)
    width = max(tile.shape[1] for tile in tiles)
    cell_height, cell_width = height + _LABEL_HEIGHT + _GAP, width + _GAP
    columns = min(len(tiles), max(1, round(math.sqrt(len(tiles) * cell_height / cell_width))))
    rows = math.ceil(len(tiles) / columns)
    sheet = np.full((rows * cell_height + _GAP, columns * cell_width + _GAP, 3), _BACKGROUND, np.uint8)
    for number, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        row, column = divmod(number, columns)
        top, left = _GAP + row * cell_height, _GAP + column * cell_width
        y, x = top + (height - tile.shape[0]) // 2, left + (width - tile.shape[1]) // 2
        sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
        # As much of a name as the cell holds; its end says more than its beginning.
        while label and cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)[0][0] > width:
            label = label[1:]
        at = (left + 2, top + height + _LABEL_HEIGHT - 7)
        cv2.putText(sheet, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _TEXT, 1, cv2.LINE_AA)
    return sheet


def _clock(seconds: float) -> str:
    """`1:02.50`"""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:05.2f}"
