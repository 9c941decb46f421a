"""How long pages of `rtm view` take to write, to load and to play in Chromium, and their memory. Prints JSON lines.

    python benchmarks/view_page.py [hour] [whole_body]

`hour`: 108,000 frames of 5 people with 17 keypoints, no video. `whole_body`: 60 seconds of 10 people with 133 keypoints
over a video of 1280 x 720. People walk to and fro with jitter of 0.7 pixels, as smoothed records have. Chromium runs
without a window and draws in software, which is slower than on a graphics card. Needs Selenium, chromium and
chromedriver.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli import Frame, Instance, load_skeleton, open_writer, read_frames, write_frames, write_page
from rtmcli.bench.machine import machine

CASES = {"hour": (108_000, 5, "coco17", False), "whole_body": (1_800, 10, "coco133", True)}
SIZE = (1280, 720)
FPS = 30
PLAY_SECONDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", choices=[*CASES], default=list(CASES))
    for name in parser.parse_args().cases:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(Path(folder), *CASES[name])
        print(json.dumps({"what": name, **figures, "machine": machine()}), flush=True)


def measure(folder: Path, count: int, people: int, skeleton: str, with_video: bool) -> dict[str, Any]:
    """Write a page of synthetic records, open it, play it."""
    source = str(folder / "clip.mp4")
    if with_video:
        write_video(source, count)
    write_frames(records(count, people, skeleton, source), folder / "records.jsonl")
    start = time.perf_counter()
    write_page(read_frames(folder / "records.jsonl"), folder / "page.html", embed=with_video)
    written = time.perf_counter() - start
    video = os.path.getsize(source) if with_video else 0
    return {
        "frames": count,
        "people": people,
        "skeleton": skeleton,
        "records_mb": round(os.path.getsize(folder / "records.jsonl") / 1e6, 1),
        "page_mb": round(os.path.getsize(folder / "page.html") / 1e6, 1),
        "video_mb": round(video / 1e6, 1),
        "write_s": round(written, 1),
        **in_browser(folder / "page.html"),
    }


def in_browser(page: Path) -> dict[str, Any]:
    """Seconds until the page is ready, memory of its process, and the frames shown a second while it plays."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium") or shutil.which("google-chrome"))
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_script_timeout(120)
    try:
        start = time.perf_counter()
        driver.get(page.as_uri())
        driver.execute_async_script(
            "const done = arguments[0];"
            "const look = () => (document.body.dataset.ready ? done() : setTimeout(look, 20)); look();"
        )
        ready = time.perf_counter() - start
        played, cost, dropped = driver.execute_async_script(_PLAY, PLAY_SECONDS * 1000)
        seek, plot = driver.execute_script(_SEEK)
        peak = max(_peak_memory(child) for child in _descendants(driver.service.process.pid))
    finally:
        driver.quit()
    return {
        "ready_s": round(ready, 2),
        "frames_a_second": round(played / PLAY_SECONDS, 1),
        "video_frames_dropped": dropped,
        "draw_ms": round(cost, 2),
        "seek_ms": round(seek, 1),
        "plot_ms": round(plot, 1),
        "peak_memory_mb": round(peak),
    }


_PLAY = """
const [milliseconds, done] = arguments;
const costs = [];
const before = player.show;
player.show = (record) => { const t = performance.now(); before(record); costs.push(performance.now() - t); };
player.seek(Math.floor(clip.count / 3));
setTimeout(() => {
  costs.length = 0;
  const dropped = player.video.getVideoPlaybackQuality().droppedVideoFrames;
  player.play();
  setTimeout(() => {
    player.pause();
    costs.sort((a, b) => a - b);
    done([costs.length, costs[costs.length >> 1], player.video.getVideoPlaybackQuality().droppedVideoFrames - dropped]);
  }, milliseconds);
}, 1000);
"""
_SEEK = """
const begin = performance.now();
for (let i = 0; i < 20; i++) player.seek(Math.floor((clip.count * i) / 20));
const middle = performance.now();
if (plots) for (let i = 0; i < 3; i++) plots.fill();
return [(middle - begin) / 20, (performance.now() - middle) / 3];
"""


def records(count: int, people: int, skeleton: str, source: str) -> Iterator[Frame]:
    """People of 240 pixels who walk to and fro; their keypoints swing, with jitter."""
    names = load_skeleton(skeleton).keypoints
    random = np.random.default_rng(1)
    shape = random.uniform((0, 0), (80, 240), (len(names), 2))
    phase = random.uniform(0, 6.28, (people, len(names), 2))
    for number in range(count):
        moment = number / FPS
        instances = []
        for one in range(people):
            middle = np.array([640 + 500 * np.sin(moment / 7 + one), 200 + 40 * np.cos(moment / 9 + one)])
            swing = 8 * np.sin(4 * moment + phase[one])
            points = middle + shape + swing + random.normal(0, 0.7, shape.shape)  # (K, 2)
            scores = np.clip(random.normal(0.8, 0.03, len(names)), 0, 1)
            low, high = points.min(axis=0), points.max(axis=0)
            instances.append(
                Instance(
                    id=one + 1, label="person", score=float(random.uniform(0.8, 0.9)),
                    box=np.concatenate([low, high]).astype(np.float32),
                    keypoints=np.concatenate([points, scores[:, None]], axis=1).astype(np.float32),
                )
            )  # fmt: skip
        yield Frame(source, number, count, moment, *SIZE, skeleton, "synthetic", instances)


def write_video(path: str, count: int) -> None:
    """A gradient that moves."""
    x, y = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    with open_writer(path, fps=FPS) as writer:
        for number in range(count):
            row = ((x + y + 3 * number) % 256).astype(np.uint8)
            writer.write(np.stack([row, row, 255 - row], axis=-1), time=number / FPS)


def _descendants(root: int) -> Iterator[int]:
    """Process ids of the children of a process, and of theirs."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(
                    Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()[1]
                )
            except (OSError, IndexError):
                continue
    found = {root}
    while grown := {child for child, parent in parents.items() if parent in found} - found:
        found |= grown
        yield from grown


def _peak_memory(process: int) -> float:
    """Peak resident memory in MB of a process that shows pages, 0 for others."""
    try:
        if b"--type=renderer" not in Path(f"/proc/{process}/cmdline").read_bytes():
            return 0.0
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    main()
