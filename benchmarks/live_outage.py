"""An RTSP server that goes away and returns: record times beside the clock in the images. Prints JSON lines.

    python -m benchmarks.live_outage [--seconds 5] [--stall 3]

`gap` and `passed` (by the records' `time`) are compared with `drawn`, what passed between the two images by the clock
that the sender drew into them. Needs GStreamer's RTSP server (tests/helpers/senders.py).
"""

import argparse
import json
import threading
import time
from collections.abc import Callable

from rtmcli import open_media
from rtmcli.media import Picture
from tests.helpers.clock_images import age
from tests.helpers.senders import rtsp_server

_BEFORE, _AFTER = 3.0, 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="how long the server is away")
    parser.add_argument("--stall", type=float, default=3.0)
    arguments = parser.parse_args()
    for how in ("killed", "frozen"):
        with rtsp_server() as server:
            leave, come = (server.kill, server.start) if how == "killed" else (server.freeze, server.thaw)
            found = _read(server.address(), leave, come, arguments.seconds, arguments.stall)
        print(json.dumps({"server": how, "away_s": arguments.seconds, **found}), flush=True)


def _read(
    address: str, leave: Callable[[], None], come: Callable[[], None], away: float, stall: float
) -> dict[str, float]:
    def act() -> None:
        time.sleep(_BEFORE)
        leave()
        time.sleep(away)
        come()

    before: tuple[Picture, float] | None = None
    after: tuple[Picture, float] | None = None
    with open_media(address, stall=stall) as media:
        threading.Thread(target=act, daemon=True).start()
        for picture in media:
            seen = picture, time.time() - age(picture.image)
            if picture.gap is not None:
                after = seen
                break
            before = seen
    assert before is not None and after is not None and after[0].gap is not None
    assert before[0].time is not None and after[0].time is not None
    passed, drawn = after[0].time - before[0].time, after[1] - before[1]
    return {
        "frame_before": before[0].frame,
        "time_before": round(before[0].time, 3),
        "frame_after": after[0].frame,
        "time_after": round(after[0].time, 3),
        "gap": after[0].gap,
        "passed": round(passed, 3),
        "drawn": round(drawn, 3),
        "error_s": round(passed - drawn, 3),
    }


if __name__ == "__main__":
    main()
