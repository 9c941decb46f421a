"""The live page in Chromium."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rtmcli.view.live import LivePage
from tests.helpers.browser import canvas_pixels, console_errors, open_chromium, requested_addresses, wait_for
from tests.helpers.posed import frame, person

pytestmark = pytest.mark.slow


@pytest.fixture
def browser() -> Iterator[Any]:
    yield from open_chromium(width=800, height=600)


def test_records_and_images_appear_while_they_come(browser: Any) -> None:
    with LivePage() as page:
        browser.get(page.address)
        requested_addresses(browser)
        for number in range(5):
            shown = frame(number, person(5 + 10 * number, 9, 2))
            page.show(shown, np.full((128, 192, 3), (200, 100, 50), np.uint8))
            wait_for(browser, f"document.body.dataset.record === '{number}'")
            pixels = canvas_pixels(browser)  # as large as the image
            x, y = shown.instances[0].keypoints[5, :2].astype(int)
            assert (
                np.abs(pixels[y, x, :3].astype(int) - (0, 255, 0)).max() < 90
            )  # 1.6 pixels wide, between pixels
            assert np.abs(pixels[2, 188, :3].astype(int) - (50, 100, 200)).max() < 6
        assert "id 2, score 0.90" in browser.find_element("id", "people").text
        assert all(address.startswith(page.address) for address in requested_addresses(browser))
        assert not console_errors(browser)
    wait_for(browser, "document.body.dataset.ended === 'yes'")
