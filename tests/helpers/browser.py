"""Pages in a real browser: Chromium without a window, driven by Selenium. Tests skip where one of them is missing."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def open_chromium(*, width: int = 1200, height: int = 900) -> Iterator[Any]:
    """A driver for as long as the generator lives; for fixtures."""
    selenium = pytest.importorskip("selenium.webdriver")
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    driver_program = shutil.which("chromedriver")
    if program is None or driver_program is None:
        pytest.skip("needs chromium and chromedriver")
    options = selenium.ChromeOptions()
    options.binary_location = program
    # Software rendering: the tests read pixels, and machines without a display have no GPU process to talk to.
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(driver_program))
    yield driver
    driver.quit()


def open_page(driver: Any, page: Path) -> None:
    """Load a page of `rtm view` and wait until it is ready."""
    driver.get(page.as_uri())
    wait_for(driver, "document.body.dataset.ready === 'yes'")


def wait_for(driver: Any, condition: str) -> None:
    """Wait until a JavaScript expression is true."""
    wait_until(lambda: driver.execute_script(f"return {condition}"), condition)


def wait_until(is_true: Callable[[], bool], what: str = "", seconds: float = 20) -> None:
    """Wait until something is true: browsers show frames a little later."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def canvas_pixels(driver: Any) -> np.ndarray:
    """(H, W, 4) RGBA of the page's canvas."""
    width, height, values = driver.execute_script(
        "const c = document.getElementById('canvas');"
        "return [c.width, c.height, Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)]"
    )
    return np.array(values, np.uint8).reshape(height, width, 4)


def requested_addresses(driver: Any) -> list[str]:
    """The addresses of all requests since the last call, also of blocked ones, but for blobs of the page itself."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [address for address in sent if not address.startswith(("blob:", "data:"))]


def console_errors(driver: Any) -> list[str]:
    """Warnings and errors on the console since the last call, but for that about `canvas_pixels` itself."""
    found = [e["message"] for e in driver.get_log("browser") if e["level"] in ("WARNING", "SEVERE")]
    return [message for message in found if "willReadFrequently" not in message]
