"""rtm's tracker beside SORT, ByteTrack, OC-SORT and BoT-SORT: the same detections, one run.

    python -m venv peers && peers/bin/pip install trackers==2.6.1 trackeval==1.3.0
    python benchmarks/tracking.py --peer peers/bin/python --data DATA

`DATA/tracks` holds a folder for each sequence: `det.txt` and `gt.txt` in MOTChallenge's form, and `seqinfo.ini` where
the rate is not 25. All trackers run online with their default settings and the sequence's frame rate; rtm also offline
with gaps of up to a second filled. rtm's tracks are written by the writer of `rtm convert`, and TrackEval judges all of
them with its own reader; `rtm eval` must give the same figures. Prints a JSON line for each tracker, and keeps them in
`benchmarks/runs/`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from rtmcli import Frame, Tracker, fill_gaps, track_offline
from rtmcli.bench.machine import machine
from rtmcli.formats.motchallenge import read_motchallenge, write_motchallenge
from rtmcli.metrics.evaluate_tracks import evaluate_tracks

HERE = Path(__file__).parent
RATE = 25.0  # frames a second of a sequence without seqinfo.ini
TOLERANCE = 1e-4  # between rtm eval and TrackEval
OURS: dict[str, Callable[[Iterable[Frame]], Iterable[Frame]]] = {
    "rtm": lambda frames: map(Tracker(), frames),
    "rtm offline, filled": lambda frames: fill_gaps(track_offline(frames), 1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", required=True, help="Python with trackers and trackeval")
    parser.add_argument("--data", required=True, type=Path, help="folder with tracks/")
    options = parser.parse_args()
    tracks = options.data / "tracks"
    sequences = sorted(folder.name for folder in tracks.iterdir() if (folder / "det.txt").is_file())
    rates = {name: _rate(tracks / name) for name in sequences}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        given = json.dumps({"tracks": str(tracks), "out": folder, "rates": rates})
        followed = _ask(options.peer, "follow", given)
        seconds = {**followed["seconds"], **_follow(tracks, out, rates)}
        judged = _ask(options.peer, "judge", given)
        _check(judged["figures"], tracks, out)
    lines: list[dict[str, Any]] = [
        {
            "benchmark": "tracking",
            "machine": machine(),
            "peers": {**followed["versions"], **judged["versions"]},
        }
    ]
    frames = sum(sum(1 for _ in read_motchallenge(tracks / name / "det.txt")) for name in sequences)
    for name, figures in judged["figures"].items():
        lines.append({"tracker": name, "frames_per_second": frames / seconds[name], **figures})
    with (HERE / "runs" / f"{date.today()}-tracking.jsonl").open("a") as kept:
        for line in lines:
            print(json.dumps(line))
            print(json.dumps(line), file=kept)


def _rate(folder: Path) -> float:
    if not (folder / "seqinfo.ini").is_file():
        return RATE
    (line,) = (line for line in (folder / "seqinfo.ini").read_text().splitlines() if "frameRate" in line)
    return float(line.split("=")[1])


def _ask(python: str, what: str, given: str) -> Any:
    command = [python, str(HERE / "peer_trackers.py"), what, given]
    answer = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    return json.loads(answer)


def _follow(tracks: Path, out: Path, rates: dict[str, float]) -> dict[str, float]:
    """Seconds for each of rtm's ways; the tracks are written as the peers write theirs."""
    seconds = dict.fromkeys(OURS, 0.0)
    for sequence, rate in rates.items():
        for name, track in OURS.items():
            frames = list(_detections(tracks / sequence / "det.txt", sequence, rate))
            start = time.perf_counter()
            tracked = list(track(frames))
            seconds[name] += time.perf_counter() - start
            file = out / name / "data" / f"{sequence}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_motchallenge(tracked, file)
    return seconds


def _detections(file: Path, sequence: str, rate: float) -> Iterator[Frame]:
    for frame in read_motchallenge(file):
        people = [replace(instance, id=None) for instance in frame.instances]
        yield replace(frame, source=sequence, time=frame.frame / rate, instances=people)


def _check(figures: dict[str, Any], tracks: Path, out: Path) -> None:
    """End the run where `rtm eval` gives other figures than TrackEval."""
    for name, of_sequences in figures.items():
        for sequence, expected in of_sequences.items():
            if sequence == "COMBINED":
                continue
            truth = read_motchallenge(tracks / sequence / "gt.txt")
            found = read_motchallenge(out / name / "data" / f"{sequence}.txt")
            got = evaluate_tracks(truth, found)[0].figures()
            wrong = {
                key: (got[key], value) for key, value in expected.items() if abs(got[key] - value) > TOLERANCE
            }
            if wrong:
                sys.exit(f"{name}, {sequence}: rtm eval and TrackEval differ: {wrong}")


if __name__ == "__main__":
    main()
