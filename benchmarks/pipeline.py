"""Time per frame of the pipeline and of its parts, and what it costs beside its two networks. Prints JSON lines.

    python benchmarks/pipeline.py [--video demo] [--frames 100] [--detector NAME] [--model NAME] [--pairs 5] [--jobs 2]

`--model random:rtmpose-m` builds a 256x192 RTMPose-m with random weights: speed does not ask for skill.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

from rtmcli.bench.machine import machine
from rtmcli.bench.pipeline import PAIRS, PipelineBench, rounded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", default="demo")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--detector")
    parser.add_argument("--model")
    parser.add_argument("--score", type=float)
    parser.add_argument("--engine", default="onnxruntime")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    print(json.dumps({"machine": machine()}), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model
        if model and model.startswith("random:"):
            model = str(random_pose_model(model.removeprefix("random:"), Path(folder)))
        bench = PipelineBench(
            options.video, frames=options.frames, detector=options.detector, model=model, score=options.score,
            engine=options.engine, precision=options.precision, threads=1,
        )  # fmt: skip
        what = {
            "video": Path(options.video).name,
            "detector": bench.find.card.name,
            "model": bench.pose.card.name,
            "engine": options.engine,
            "precision": options.precision,
        }
        for name, measure in (
            ("ms a frame", bench.stages),
            ("pipeline over networks, 1 thread", lambda: bench.against_networks(options.pairs)),
            ("one picture over networks, 1 thread", lambda: bench.latency(options.pairs)),
            ("frames at once", lambda: bench.jobs(options.jobs, options.pairs)),
        ):
            row = {"what": name, **what, **rounded(measure()), "load": round(os.getloadavg()[0], 2)}
            print(json.dumps(row), flush=True)


def random_pose_model(name: str, folder: Path) -> Path:
    """An untrained RTMPose of 256x192 (`rtmpose-m`), exported with the deploy contract."""
    import torch

    from rtmcli.export.onnx import export_onnx
    from rtmcli.networks.build import build_network
    from rtmcli.zoo.card import Card

    torch.manual_seed(0)
    card = Card(
        name=f"{name}-random", family="rtmpose", size=name.rpartition("-")[2], task="topdown", width=192, height=256,
        skeleton="coco17", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), color="rgb",
        contract="deploy", codec={"name": "simcc", "ratio": 2.0},
    )  # fmt: skip
    path = folder / f"{name}.onnx"
    export_onnx(build_network(card), card, path)
    return path


if __name__ == "__main__":
    main()
