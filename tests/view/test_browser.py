"""The page in Chromium: what the canvas shows is what the records say, and nothing leaves the page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtmcli.media import open_media
from rtmcli.records.frame import Frame
from rtmcli.skeletons import load_skeleton
from rtmcli.view.run import write_page
from tests.helpers.browser import (
    canvas_pixels,
    console_errors,
    open_chromium,
    open_page,
    requested_addresses,
    wait_for,
    wait_until,
)
from tests.helpers.clips import number_in, write_clip
from tests.helpers.posed import SIZE, frame, person

pytestmark = pytest.mark.slow
SKELETON = load_skeleton("coco17")
COUNT = 20


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from open_chromium()


def moving(source: str) -> list[Frame]:
    """One person moves to the right, a second one comes at frame 10."""
    frames = [
        frame(n, person(5 + 4 * n, 10, 1), *([person(140, 14, 2)] if n >= 10 else ()), source=source)
        for n in range(COUNT)
    ]
    for one in frames:
        for instance in one.instances:
            instance.extra["angles"] = {"right_knee": 10.0 + one.frame}
    return frames


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    clip = write_clip(folder / "clip.mp4", COUNT, fps=10, size=SIZE)
    write_page(moving(str(clip)), folder / "page.html", embed=True)
    return folder / "page.html"


@pytest.fixture
def opened(browser: Any, page: Path) -> Any:
    requested_addresses(browser)
    console_errors(browser)
    open_page(browser, page)
    return browser


def seek(browser: Any, record: int) -> None:
    browser.execute_script("player.seek(arguments[0])", record)
    wait_for(
        browser,
        f"document.body.dataset.record === '{record}' && player.origin !== null && !player.video.seeking",
    )


def color_at(pixels: np.ndarray, point: np.ndarray) -> tuple[int, ...]:
    """The canvas's colour at a point of the image; transparent where nothing is drawn."""
    height, width = pixels.shape[:2]
    x, y = (np.asarray(point[:2]) * (width / SIZE[0], height / SIZE[1])).astype(int)
    return tuple(pixels[y, x].tolist()) if pixels[y, x, 3] else ()


def video_pixels(browser: Any) -> np.ndarray:
    """(H, W, 3) what the video element shows."""
    values = browser.execute_script(
        "const c = document.createElement('canvas'); [c.width, c.height] = [192, 128];"
        "const x = c.getContext('2d'); x.drawImage(player.video, 0, 0, 192, 128);"
        "return Array.from(x.getImageData(0, 0, 192, 128).data)"
    )
    return np.array(values, np.uint8).reshape(128, 192, 4)[..., :3]


def test_the_page_loads_without_messages_and_requests_only_itself(opened: Any, page: Path) -> None:
    assert not console_errors(opened)
    assert requested_addresses(opened) == [page.as_uri()]
    opened.execute_script("player.play()")
    wait_for(opened, "player.record > 3")
    assert requested_addresses(opened) == []


@pytest.mark.parametrize("record", [0, 10, 19])
def test_the_canvas_shows_the_keypoints_and_limbs_of_the_record(opened: Any, record: int) -> None:
    seek(opened, record)
    pixels = canvas_pixels(opened)
    people = moving("")[record].instances
    for one in people:
        for index, point in enumerate(one.keypoints):
            expected = (*SKELETON.colors[index], 255) if point[2] >= 0.3 else ()
            assert color_at(pixels, point) == expected, SKELETON.keypoints[index]
        left = [index for index, name in enumerate(SKELETON.keypoints) if name in ("left_hip", "left_knee")]
        number = SKELETON.links.index(tuple(sorted(left, reverse=True)))
        middle = one.keypoints[left].mean(axis=0)
        assert color_at(pixels, middle) == (*SKELETON.link_colors[number], 255)
    if record < 10:
        assert not pixels[:, int(0.7 * pixels.shape[1]) :, 3].any()


def test_the_video_under_the_canvas_shows_the_frame_of_the_record(opened: Any) -> None:
    for record in (7, 19, 3):
        seek(opened, record)
        wait_until(lambda: number_in(video_pixels(opened)) == record)  # noqa: B023  called in this turn of the loop


@pytest.mark.parametrize(
    ("name", "codec", "times"),
    [
        ("starts_late.mp4", "libx264", [2 + n / 10 for n in range(8)]),
        ("starts_late.webm", "libvpx-vp9", [1.5 + n / 10 for n in range(8)]),
        ("encoded.mkv", "libx264", [1.5 + n / 10 for n in range(8)]),
        ("uneven.mkv", "libx264", [0, 0.04, 0.2, 0.24, 0.6, 0.64, 1.0, 1.3]),
        ("uneven.mp4", "libx264", [0, 0.04, 0.2, 0.24, 0.6, 0.64, 1.0, 1.3]),
    ],
)
def test_times_of_records_and_of_the_browser_are_the_same(
    browser: Any, tmp_path: Path, name: str, codec: str, times: list[float]
) -> None:
    more = {"bf": "0"} if codec == "libx264" else {}
    clip = write_clip(tmp_path / name, 8, codec=codec, times=times, fps=10, size=SIZE, **more)
    frames = [Frame(p.source, p.frame, p.frames, p.time, p.width, p.height) for p in open_media(clip)]
    write_page(frames, tmp_path / "page.html", embed=True)
    open_page(browser, tmp_path / "page.html")
    for record in (5, 1, 7):
        seek(browser, record)
        wait_until(lambda: number_in(video_pixels(browser)) == record)  # noqa: B023  called in this turn of the loop


def test_the_skeletons_follow_the_playing_video(opened: Any) -> None:
    seek(opened, 0)
    apart = opened.execute_async_script(
        "const done = arguments[0], apart = [];"
        "const look = (now, frame) => {"
        "  apart.push(Math.abs(clip.times[player.record] - frame.mediaTime));"
        "  if (player.isPlaying) player.video.requestVideoFrameCallback(look); };"
        "player.play().then(() => player.video.requestVideoFrameCallback(look));"
        "player.video.addEventListener('ended', () => done(apart), { once: true });"
    )
    assert len(apart) > 10 and max(apart) < 0.05


def test_scrubbing_stepping_and_keys_change_the_frame(opened: Any) -> None:
    opened.execute_script(
        "const s = document.getElementById('scrub'); s.value = 12; s.dispatchEvent(new Event('input'))"
    )
    assert opened.execute_script("return document.getElementById('place').textContent").startswith(
        "frame 12, 1.200 s, 2 people"
    )
    opened.find_element("id", "next").click()
    opened.find_element("id", "next").click()
    opened.find_element("id", "back").click()
    assert opened.execute_script("return player.record") == 13
    body = opened.find_element("tag name", "body")
    opened.execute_script("document.activeElement.blur()")
    body.send_keys("\ue014")  # arrow right
    assert opened.execute_script("return player.record") == 14
    body.send_keys("\ue011")  # home
    assert opened.execute_script("return player.record") == 0


def test_people_keypoints_and_scores_can_be_filtered(opened: Any) -> None:
    seek(opened, 15)
    first, second = (one.keypoints for one in moving("")[15].instances)
    opened.execute_script("document.querySelectorAll('#people tbody input')[1].click()")
    pixels = canvas_pixels(opened)
    assert color_at(pixels, first[0]) and not color_at(pixels, second[0])
    opened.execute_script(
        "const t = document.getElementById('threshold'); t.value = 0.85; t.dispatchEvent(new Event('input'))"
    )
    pixels = canvas_pixels(opened)
    assert color_at(pixels, first[3]) and not color_at(pixels, first[4])  # scores 0.85 and 0.8
    opened.execute_script(
        "[...document.querySelectorAll('#keypoints label')].find((l) => l.textContent.trim() === 'nose')"
        ".firstChild.click()"
    )
    assert not color_at(canvas_pixels(opened), first[0])


def test_the_plots_hold_the_values_of_the_records(opened: Any) -> None:
    pytest.importorskip("bokeh")
    values = opened.execute_script(
        "const select = document.getElementById('keypoint'); select.value = 'left_wrist';"
        "select.dispatchEvent(new Event('change'));"
        "return Object.fromEntries(plots.figures.map(({ name, lines }) => [name, lines.data.ys.map((y) => [...y])]))"
    )
    frames = moving("")
    wrist = np.array([one.instances[0].keypoints[9] for one in frames])
    assert values["x"][0] == pytest.approx(wrist[:, 0], abs=1 / 16)
    assert values["y"][0] == pytest.approx(wrist[:, 1], abs=1 / 16)
    assert values["speed"][0][1:-1] == pytest.approx([40] * 18, abs=0.7)
    assert values["angle"][0] == pytest.approx([10.0 + n for n in range(COUNT)], abs=0.06)
    assert len(values["x"]) == 2


def test_the_current_frame_is_saved_as_a_png_in_the_size_of_the_image(opened: Any) -> None:
    seek(opened, 5)
    size = opened.execute_async_script(
        "const done = arguments[0], make = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => {"
        "  createImageBitmap(blob).then((b) => done([blob.type, b.width, b.height])); return make(blob); };"
        "savePicture();"
    )
    assert size == ["image/png", *SIZE]


def test_the_table_of_people_says_when_each_was_there_and_goes_there(opened: Any) -> None:
    table = opened.find_element("id", "people")
    assert "from (s) to (s)" in table.text and "id 2 1.00 1.90 10 0 0.00 0.90 0.60" in table.text
    opened.execute_script("document.querySelectorAll('#people .link')[1].click()")
    assert opened.execute_script("return player.record") == 10


def test_every_control_has_a_name_for_screen_readers(opened: Any) -> None:
    nameless = opened.execute_script(
        "return [...document.querySelectorAll('button, select, input')].filter((e) =>"
        " !e.getAttribute('aria-label') && !e.closest('label')?.textContent.trim() && !e.textContent.trim())"
        ".map((e) => e.outerHTML)"
    )
    assert not nameless


def test_a_page_of_images_shows_the_image_of_each_record(browser: Any, tmp_path: Path) -> None:
    import cv2

    frames = []
    for number, value in enumerate((40, 200)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((128, 192, 3), value, np.uint8))
        frames.append(
            Frame(f"{tmp_path}/{number}.png", 0, 1, None, *SIZE, "coco17", "toy", [person(9, 9, None)])
        )
    write_page(frames, tmp_path / "page.html")
    open_page(browser, tmp_path / "page.html")
    browser.execute_script("player.step(1)")
    wait_for(browser, "player.image.complete && player.image.src.endsWith('1.png')")
    assert "2 of 2" in browser.execute_script("return document.getElementById('place').textContent")
    table = browser.find_element("id", "people").text
    assert "from image to image" in table and "no id 1 1 2 2 0" in table


def test_a_linked_video_is_shown_and_cannot_be_saved(browser: Any, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", COUNT, fps=10, size=SIZE)
    write_page(moving(str(clip)), tmp_path / "page.html")
    open_page(browser, tmp_path / "page.html")
    seek(browser, 3)
    assert browser.execute_script("return player.video.readyState >= 2 && player.usesVideo")
    browser.execute_script("savePicture()")
    assert "write the page with --embed" in browser.find_element("id", "status").text


def test_a_linked_video_that_is_gone_leaves_the_skeletons_and_can_be_opened_elsewhere(
    browser: Any, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", COUNT, fps=10, size=SIZE)
    write_page(moving(str(clip)), tmp_path / "page.html")
    clip.rename(tmp_path / "moved.mp4")
    open_page(browser, tmp_path / "page.html")
    wait_for(browser, "document.getElementById('status').textContent.includes('Open video')")
    browser.execute_script("player.seek(4)")
    assert color_at(canvas_pixels(browser), moving("")[4].instances[0].keypoints[0])
    browser.execute_script("player.play()")
    wait_for(browser, "player.record > 6")
    browser.execute_script("player.pause()")
    browser.find_element("id", "file").send_keys(str(tmp_path / "moved.mp4"))
    seek(browser, 5)
    wait_until(lambda: number_in(video_pixels(browser)) == 5)
