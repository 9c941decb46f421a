"""rtm's tracker beside SORT, ByteTrack, OC-SORT and BoT-SORT: the same detections, one run.

    python -m venv peers && peers/bin/pip install trackers==2.6.1 trackeval==1.3.0
    python benchmarks/tracking.py --peer peers/bin/python --data DATA
    python benchmarks/tracking.py --peer peers/bin/python --data DATA --only TUD-Campus --copies 24

`DATA/tracks` holds a folder for each sequence: `det.txt` and `gt.txt` in MOTChallenge's form, and `seqinfo.ini` where
the rate is not 25. All trackers run online with their default settings and the sequence's frame rate; rtm also offline
with gaps of up to a second filled. rtm's tracks are written by the writer of `rtm convert`, and TrackEval judges all of
them with its own reader; `rtm eval` must give the same figures. With `--copies` the figures are means over copies of
each sequence: 3 % of the detections are left out, and the sides of boxes are moved by 1 % (standard deviation) of the
size, so that chance in one sequence counts less. Prints a JSON line for each tracker, and keeps them in
`benchmarks/runs/`.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from rtmcli import Frame, Tracker, fill_gaps, track_offline
from rtmcli.bench.machine import machine
from rtmcli.formats.motchallenge import read_motchallenge, write_motchallenge
from rtmcli.metrics.evaluate_tracks import evaluate_tracks

HERE = Path(__file__).parent
RATE = 25.0  # frames a second of a sequence without seqinfo.ini
TOLERANCE = 1e-4  # between rtm eval and TrackEval
LEFT_OUT, NOISE = 0.03, 0.01  # share of a copy's detections, and of the boxes' sizes
COPY = "-copy-"
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
    parser.add_argument("--only", nargs="*", metavar="SEQUENCE", help="these sequences")
    parser.add_argument("--copies", type=int, default=0, help="that many changed copies of each sequence")
    options = parser.parse_args()
    tracks = options.data / "tracks"
    sequences = sorted(folder.name for folder in tracks.iterdir() if (folder / "det.txt").is_file())
    sequences = [name for name in sequences if not options.only or name in options.only]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as copies:
        out = Path(folder)
        if options.copies:
            copied = [
                _copy(tracks / name, Path(copies), seed)
                for name in sequences
                for seed in range(options.copies)
            ]
            tracks, sequences = Path(copies), copied
        rates = {name: _rate(tracks / name) for name in sequences}
        given = json.dumps({"tracks": str(tracks), "out": folder, "rates": rates})
        followed = _ask(options.peer, "follow", given)
        seconds = {**followed["seconds"], **_follow(tracks, out, rates)}
        judged = _ask(options.peer, "judge", given)
        _check(judged["figures"], tracks, out)
        frames = sum(sum(1 for _ in read_motchallenge(tracks / name / "det.txt")) for name in sequences)
    lines: list[dict[str, Any]] = [
        {
            "benchmark": "tracking",
            "machine": machine(),
            "copies": options.copies,
            "peers": {**followed["versions"], **judged["versions"]},
        }
    ]
    for name, figures in judged["figures"].items():
        lines.append({"tracker": name, "frames_per_second": frames / seconds[name], **_means(figures)})
    with (HERE / "runs" / f"{date.today()}-tracking.jsonl").open("a") as kept:
        for line in lines:
            print(json.dumps(line))
            print(json.dumps(line), file=kept)


def _copy(sequence: Path, to: Path, seed: int) -> str:
    """Write a changed copy of the sequence's folder; returns its name."""
    random = np.random.default_rng(seed)
    rows = np.loadtxt(sequence / "det.txt", delimiter=",", ndmin=2)
    rows = rows[random.random(len(rows)) >= LEFT_OUT]
    shift = random.normal(0, NOISE, (len(rows), 4)) * rows[:, [4, 5, 4, 5]]  # of x, y, right and lower side
    rows[:, 2:4] += shift[:, :2]
    rows[:, 4:6] += shift[:, 2:] - shift[:, :2]
    folder = to / f"{sequence.name}{COPY}{seed}"
    shutil.copytree(sequence, folder)
    np.savetxt(folder / "det.txt", rows, fmt="%.10g", delimiter=",")
    return folder.name


def _means(figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The means over the copies of each sequence."""
    groups: dict[str, list[dict[str, float]]] = {}
    for sequence, values in figures.items():
        groups.setdefault(sequence.split(COPY)[0], []).append(values)
    return {
        name: {key: fmean(one[key] for one in group) for key in group[0]} for name, group in groups.items()
    }


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
