"""rtm compared with rtmlib: same machine, CPUs, weights and clips, one run; the order changes from pair to pair.

    python -m venv peers && peers/bin/pip install rtmlib==0.0.16 onnxruntime openvino
    python benchmarks/peers.py --peer peers/bin/python --data DATA [--cpus 0,1] [--pairs 5] [--rows NAMES]

Both decode the clip themselves, both detect people with the official RTMDet-nano at 320 and estimate poses with the
same plain file: the bundled RTMPose-t, or with `--pose` another plain file (with `--size`). Before a
ratio is printed, both must have found the same keypoints: rtmlib hands its pose network BGR where it wants RGB, so it
is given RGB for that check, and for that check only. Prints JSON lines, and keeps them in `benchmarks/runs/`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from rtmcli.bench.machine import machine

HERE = Path(__file__).parent
TOLERANCE = 0.5  # pixels, median over all keypoints in the same boxes
NEAR = 3.0  # pixels, median over all box edges: rtmlib undoes its resizing by the ratio before rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    `floor`: the ratio that the project promises, None where a row is context; `frames`: of the clip in a lap, at most;
    `batch`: frames, or with `det_every` stretches of so many, that go through rtm's networks together.
    """

    name: str
    clip: str
    floor: float | None
    engine: str = "onnxruntime"
    precision: str | None = "float32"
    backend: str = "onnxruntime"
    det_every: int = 1
    tracking: bool = True
    score: float = 0.3
    repeat: int = 1
    frames: int = 60
    batch: int = 1


ONE: dict[str, Any] = {"clip": "dance_single.mp4", "score": 0.5}
# where people shrink by two or more rtm averages pixels, which moves keypoints: not comparable
TWO: dict[str, Any] = {"clip": "two_people_phone_rotation.mp4", "score": 0.5}
CROWD: dict[str, Any] = {"clip": "night_crowd_8frames.mp4", "score": 0.25, "repeat": 2}
EMPTY: dict[str, Any] = {"clip": "one_by_one_empty_between.mp4", "score": 0.5}
AUTO: dict[str, Any] = {"engine": "auto", "precision": None}  # each row says what it took
SELDOM: dict[str, Any] = {"det_every": 10, "frames": 480, "batch": 4}
ROWS = (
    Row(name="same engine, one person", floor=1.15, **ONE),
    Row(name="same engine, two people", floor=1.15, **TWO),
    Row(name="same engine, crowd", floor=1.25, **CROWD),
    Row(name="auto, one person", floor=2.0, **ONE, **AUTO),
    Row(name="auto, crowd", floor=None, **CROWD, **AUTO),
    Row(name="auto, their openvino (bf16 by itself)", floor=None, backend="openvino", **ONE, **AUTO),
    Row(name="auto, every 10th frame", floor=2.5, **SELDOM, **ONE, **AUTO),
    Row(
        name="auto, every 10th frame, their tracking off", floor=2.5, tracking=False, **SELDOM, **ONE, **AUTO
    ),
    Row(name="auto, every 10th frame, people come and go", floor=None, **SELDOM, **EMPTY, **AUTO),
)


def main() -> None:
    options = _options()
    data = Path(options.data)
    cpus = [int(number) for number in options.cpus.split(",")]
    detector = options.detector or str(data / "weights" / "rtmdet_nano_person.onnx")
    size = [int(side) for side in options.size.split("x")]
    ledger = HERE / "runs" / f"{date.today()}.jsonl"
    ledger.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, ledger.open("a") as kept:

        def say(line: dict[str, Any]) -> None:
            print(json.dumps(line), flush=True)
            print(json.dumps(line), file=kept, flush=True)

        pose = options.pose or _plain_pose(Path(folder))
        say({"benchmark": "peers", "machine": machine(), "cpus": cpus, "pose": Path(pose).stem, "size": size})
        for row in ROWS:
            if options.rows and not any(word in row.name for word in options.rows.split(";")):
                continue
            shared = {
                "cpus": cpus, "clip": str(data / "videos" / row.clip), "repeat": row.repeat, "score": row.score,
                "frames": min(row.frames, options.frames), "detector": detector, "pose": pose, "size": size,
                "det_every": row.det_every,
            }  # fmt: skip
            ours = {
                **shared, "engine": row.engine, "precision": row.precision, "threads": 1, "jobs": len(cpus),
                "batch": row.batch,
            }  # fmt: skip
            theirs = {**shared, "backend": row.backend, "tracking": row.tracking, "threads": len(cpus)}
            spins = [True, False] if len(cpus) > 1 and row.backend == "onnxruntime" else [True]
            with ExitStack() as stack:
                rtm = stack.enter_context(Program(sys.executable, "peer_rtm.py", ours))
                peers = [
                    stack.enter_context(Program(options.peer, "peer_rtmlib.py", {**theirs, "spin": spin}))
                    for spin in spins
                ]
                say({**compare(row, rtm, fastest(peers), pairs=options.pairs), "cpus": cpus})


class Program:
    """A process that speaks `peer_protocol`."""

    def __init__(self, python: str, script: str, given: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [python, str(HERE / script), json.dumps(given)], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.facts = self._answer()

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, what: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(map(str, self._process.args[:2]))}: ended without an answer")
        return json.loads(line)


def fastest(peers: Sequence[Program]) -> Program:
    """The faster setting of the peer: spinning threads are faster on an idle machine and slower on a busy one."""
    if len(peers) == 1:
        return peers[0]
    for peer in peers:
        peer.ask("lap")
    return min(peers, key=lambda peer: peer.ask("lap")["wall"])


def compare(row: Row, rtm: Program, peer: Program, *, pairs: int) -> dict[str, Any]:
    """The keypoints of both, then pairs of laps; the ratio is the median of the pairs' ratios."""
    ours = rtm.ask("look []")
    agreement = agree(ours, peer.ask(f"look {json.dumps([frame['boxes'] for frame in ours])}"))
    result = {**asdict(row), "agreement": agreement, "rtm": rtm.facts["engine"], "rtmlib": peer.facts}
    if not (agreement["keypoints px"] < TOLERANCE and agreement["boxes px"] < NEAR):
        return {**result, "error": "they do not find the same people, so their times cannot be compared"}
    rtm.ask("lap"), peer.ask("lap")  # warm
    laps, loads = [], []
    for number in range(pairs):
        loads.append(os.getloadavg()[0])
        first, second = (rtm, peer) if number % 2 == 0 else (peer, rtm)
        pair = {first: first.ask("lap"), second: second.ask("lap")}
        laps.append((pair[rtm], pair[peer]))

    def speed(side: int) -> float:
        return median(pair[side]["frames"] / pair[side]["wall"] for pair in laps)

    def cpu(side: int) -> float:
        return median(1000 * pair[side]["cpu"] / pair[side]["frames"] for pair in laps)

    return {
        **result,
        "ratio": _round(median(theirs["wall"] / ours["wall"] for ours, theirs in laps)),
        "cpu ratio": _round(median(theirs["cpu"] / ours["cpu"] for ours, theirs in laps)),
        "rtm fps": _round(speed(0)),
        "rtmlib fps": _round(speed(1)),
        "rtm cpu ms": _round(cpu(0)),
        "rtmlib cpu ms": _round(cpu(1)),
        "people": [_round(side["people"]) for side in laps[0]],
        "frames": laps[0][0]["frames"],
        "detections": [side["detections"] for side in laps[0]],
        "pairs": pairs,
        "ratios": [_round(theirs["wall"] / ours["wall"]) for ours, theirs in laps],
        "load": [_round(min(loads)), _round(max(loads))],
    }


def agree(ours: Sequence[Any], theirs: Sequence[Any]) -> dict[str, Any]:
    """How far apart they are, in pixels: the boxes of each, and the keypoints of both in our boxes."""
    boxes: list[float] = []
    points: list[float] = []
    for mine, other in zip(ours, theirs, strict=True):
        if mine["boxes"]:
            gaps = np.array(mine["keypoints"]) - np.array(other["keypoints"])  # (N, K, 2)
            points += np.linalg.norm(gaps, axis=-1).ravel().tolist()
        if mine["boxes"] and other["boxes"]:
            edges = np.abs(np.array(mine["boxes"])[:, None] - np.array(other["boxes"])[None])  # (N, M, 4)
            nearest = edges.sum(axis=-1).argmin(axis=1)  # (N,)
            boxes += edges[np.arange(len(edges)), nearest].ravel().tolist()
    return {
        "keypoints px": _round(median(points), 4) if points else np.inf,
        "boxes px": _round(median(boxes), 4) if boxes else np.inf,
        "people": [sum(len(frame["boxes"]) for frame in side) for side in (ours, theirs)],
        "frames": len(ours),
    }


def _plain_pose(folder: Path) -> str:
    """The bundled network as the official projects export theirs, which rtmlib reads."""
    from rtmcli.export.onnx import export_onnx
    from rtmcli.networks.load import load_network
    from rtmcli.zoo.resolve import find_model

    network, card = load_network(find_model("rtmpose-t"))
    path = folder / "rtmpose-t.onnx"
    export_onnx(network, replace(card, contract="plain"), path)
    return str(path)


def _round(value: float, digits: int = 3) -> float:
    return round(float(value), digits)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", required=True, help="python of the environment that rtmlib is installed in")
    parser.add_argument("--data", required=True, help="folder with videos/ and weights/")
    parser.add_argument("--detector", help="a plain RTMDet for 320x320")
    parser.add_argument("--pose", help="a plain RTMPose (without: the bundled one)")
    parser.add_argument("--size", default="192x256", help="width and height that it takes")
    parser.add_argument("--cpus", default="0,1")
    parser.add_argument("--frames", type=int, default=480, help="of a clip in one lap, at most")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rows", help="only rows with one of these words in their name; ; between")
    return parser.parse_args()


if __name__ == "__main__":
    main()
