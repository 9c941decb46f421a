"""The trackers' side of `tracking.py`, run in an environment of its own: `trackers` follows, TrackEval judges.

    python peer_trackers.py follow '{"tracks": FOLDER, "out": FOLDER, "rates": {SEQUENCE: FPS}}'
    python peer_trackers.py judge '{"tracks": FOLDER, "out": FOLDER, "rates": {SEQUENCE: FPS}}'

`follow` writes `OUT/TRACKER/data/SEQUENCE.txt` in MOTChallenge's form, with the package's default settings. `judge`
reads every such file with TrackEval's own reader. Both print one JSON object.
"""

import contextlib
import json
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any


def follow(tracks: Path, out: Path, rates: dict[str, float]) -> dict[str, Any]:
    import numpy as np
    import supervision
    from trackers import BoTSORTTracker, ByteTrackTracker, OCSORTTracker, SORTTracker

    made = {
        "SORT": lambda fps: SORTTracker(frame_rate=fps),
        "ByteTrack": lambda fps: ByteTrackTracker(frame_rate=fps),
        "OC-SORT": lambda fps: OCSORTTracker(frame_rate=fps),
        # The data set has no images, from which it would tell the camera's motion.
        "BoT-SORT": lambda fps: BoTSORTTracker(frame_rate=fps, enable_cmc=False),
    }
    seconds = dict.fromkeys(made, 0.0)
    for sequence, fps in rates.items():
        rows = np.loadtxt(tracks / sequence / "det.txt", delimiter=",", ndmin=2)
        for name, make in made.items():
            tracker = make(fps)
            lines = []
            start = time.perf_counter()
            for number in range(1, int(rows[:, 0].max()) + 1):
                here = rows[rows[:, 0] == number]
                corners = np.concatenate([here[:, 2:4], here[:, 2:4] + here[:, 4:6]], axis=1)
                found = tracker.update(
                    supervision.Detections(
                        xyxy=corners, confidence=here[:, 6], class_id=np.zeros(len(here), int)
                    )
                )
                for box, score, who in zip(found.xyxy, found.confidence, found.tracker_id, strict=True):
                    if who >= 0:
                        x1, y1, x2, y2 = (float(side) for side in box)
                        lines.append(f"{number},{who + 1},{x1},{y1},{x2 - x1},{y2 - y1},{score},-1,-1,-1\n")
            seconds[name] += time.perf_counter() - start
            file = out / name / "data" / f"{sequence}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(lines))
    return {"versions": {n: metadata.version(n) for n in ("trackers", "numpy")}, "seconds": seconds}


def judge(tracks: Path, out: Path, rates: dict[str, float]) -> dict[str, Any]:
    """HOTA, IDF1 and switches of every tracker in `out`, per sequence and combined, by TrackEval."""
    import trackeval

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for sequence in rates:
            truth = Path(folder) / sequence / "gt" / "gt.txt"
            truth.parent.mkdir(parents=True)
            truth.write_text((tracks / sequence / "gt.txt").read_text())
        lengths = {name: _length(tracks / name) for name in rates}
        data = trackeval.datasets.MotChallenge2DBox(
            {
                "GT_FOLDER": folder, "TRACKERS_FOLDER": str(out), "SEQ_INFO": lengths, "SKIP_SPLIT_FOL": True,
                "DO_PREPROC": False, "PRINT_CONFIG": False,
            }
        )  # fmt: skip
        evaluator = trackeval.Evaluator(
            {"PRINT_RESULTS": False, "PRINT_CONFIG": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False,
             "OUTPUT_DETAILED": False, "PLOT_CURVES": False, "BREAK_ON_ERROR": True, "LOG_ON_ERROR": None}
        )  # fmt: skip
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(), trackeval.metrics.Identity()]
        results, _ = evaluator.evaluate([data], metrics)
        for tracker, sequences in results["MotChallenge2DBox"].items():
            for sequence, classes in sequences.items():
                figures = classes["pedestrian"]
                found.setdefault(tracker, {})[sequence.replace("COMBINED_SEQ", "COMBINED")] = {
                    "HOTA": float(figures["HOTA"]["HOTA"].mean()),
                    "IDF1": float(figures["Identity"]["IDF1"]),
                    "IDSW": int(figures["CLEAR"]["IDSW"]),
                }
    return {"versions": {"trackeval": metadata.version("trackeval")}, "figures": found}


def _length(folder: Path) -> int:
    lines = [line for name in ("gt.txt", "det.txt") for line in (folder / name).read_text().splitlines()]
    return max(int(line.split(",", 1)[0]) for line in lines)


def main() -> None:
    given = json.loads(sys.argv[2])
    work = {"follow": follow, "judge": judge}[sys.argv[1]]
    # stdout belongs to the answer.
    with contextlib.redirect_stdout(sys.stderr):
        answer = work(Path(given["tracks"]), Path(given["out"]), given["rates"])
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
