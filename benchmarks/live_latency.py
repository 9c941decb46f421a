"""How old a frame of a live stream is when its record is there. Prints a JSON line for each kind of stream.

    python -m benchmarks.live_latency [--kinds rtsp udp tcp rtmp mjpeg hls dash] [--seconds 20] [--detect]

The sender draws the time into each image (320 x 240, 25 frames a second, H.264 without delay, MJPEG for `mjpeg`); the
age is read from the decoded image when its record has been encoded. So it holds encoder, network, decoder, queue and,
with `--detect`, the bundled networks. The first two seconds after a source was opened are left out.
`rtsp` needs GStreamer's RTSP server, the others ffmpeg (tests/helpers/senders.py).
"""

import argparse
import json
import platform
import tempfile
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import numpy as np

from rtmcli import Detector, TopDown, encode_frame, items_of, open_media, run_pipeline
from tests.helpers.clock_images import age
from tests.helpers.senders import ffmpeg_sender, rtsp_server

_WARM_UP = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kinds", nargs="+", default=["rtsp", "udp", "tcp", "rtmp", "mjpeg", "hls", "dash"])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--detect", action="store_true", help="run the bundled detector and pose model")
    arguments = parser.parse_args()
    for kind in arguments.kinds:
        with tempfile.TemporaryDirectory() as folder:
            if kind == "rtsp":
                with rtsp_server() as server:
                    measured = _measure(server.address(), arguments.seconds, detect=arguments.detect)
            else:
                with ffmpeg_sender(kind, Path(folder)) as address:
                    measured = _measure(address, arguments.seconds, detect=arguments.detect)
        machine = {"machine": platform.processor() or platform.machine(), "av": version("av")}
        print(json.dumps({"kind": kind, "networks": arguments.detect, **measured, **machine}), flush=True)


def _measure(address: str, seconds: float, *, detect: bool) -> dict[str, float]:
    pose = TopDown()
    ages, dropped, frames = [], 0, 0
    began = time.monotonic()
    with open_media(address, end=seconds + _WARM_UP) as media:
        opened = time.monotonic()
        items = items_of([media], pose.card)
        with closing(run_pipeline(items, find=Detector(), pose=pose, live=True) if detect else items) as done:
            for item in done:
                encode_frame(item.frame)
                if time.monotonic() - opened >= _WARM_UP:
                    ages.append(age(item.image))
                    dropped += item.frame.extra["dropped"]
                    frames += 1
    median, p95, last = np.percentile(ages, 50), np.percentile(ages, 95), np.median(ages[-25:])
    return {
        "median_ms": round(1000 * float(median)),
        "p95_ms": round(1000 * float(p95)),
        "last_second_ms": round(1000 * float(last)),
        "frames": frames,
        "dropped": dropped,
        "opening_s": round(opened - began, 2),
    }


if __name__ == "__main__":
    main()
