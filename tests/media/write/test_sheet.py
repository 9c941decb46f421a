"""Contact sheets."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.errors import RtmError
from rtmcli.media.write.sheet import SheetWriter


def test_a_sheet_holds_every_image_in_order_at_its_place(tmp_path: Path) -> None:
    with SheetWriter(tmp_path / "sheet.png") as writer:
        for number in range(5):
            writer.write(np.full((90, 160, 3), 40 * number + 20, np.uint8), time=2.0 * number)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    height, width = 180 + 22 + 4, 320 + 4
    assert sheet.shape == (3 * height + 4, 2 * width + 4, 3)
    found = [
        int(sheet[4 + row * height + 90, 4 + column * width + 160, 0])
        for row in range(3)
        for column in range(2)
    ]
    assert found == [20, 60, 100, 140, 180, 32]
    label = sheet[4 + 180 : 4 + 180 + 22, 4 : 4 + 100]
    assert label.max() > 200, "the time is written below the image"


def test_upright_and_small_images_keep_their_shape(tmp_path: Path) -> None:
    with SheetWriter(tmp_path / "sheet.png") as writer:
        writer.write(np.full((320, 160, 3), 200, np.uint8), name="a.png")
        writer.write(np.full((16, 32, 3), 100, np.uint8), name="a very long name of an image " * 4)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert (sheet[4:324, 4:324, 0] == 200).sum() == 320 * 160
    assert (sheet == 100).all(axis=-1).sum() >= 0.98 * 320 * 160


def test_a_sheet_of_nothing_is_an_error_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(RtmError, match="no image"), SheetWriter(tmp_path / "sheet.png"):
        pass
    assert not list(tmp_path.iterdir())
