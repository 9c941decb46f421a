"""Time per frame of the pipeline and of its parts, and compared with its two networks alone. Prints JSON lines.

    python benchmarks/pipeline.py [--video demo] [--frames 100] [--detector NAME] [--model NAME] [--pairs 5] [--jobs 2]

`--model random:rtmpose-m-coco17-256x192` is an RTMPose-m with random weights, which is as fast as a trained one.
`rtm bench --pipeline` measures the same for installed models.
"""

import argparse
import json
import tempfile
from pathlib import Path

from rtmcli.bench.clip import bench_clip
from rtmcli.bench.machine import machine
from rtmcli.bench.pipeline import PAIRS
from rtmcli.zoo.resolve import DEFAULT_DETECTOR, DEFAULT_POSE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", default="demo")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--detector", default=DEFAULT_DETECTOR)
    parser.add_argument("--model", default=DEFAULT_POSE)
    parser.add_argument("--score", type=float)
    parser.add_argument("--engine", default="onnxruntime")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    print(json.dumps({"benchmark": "pipeline", "machine": machine()}), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model
        if model.startswith("random:"):
            from rtmcli.export.untrained import untrained_model

            model = str(untrained_model(model.removeprefix("random:"), Path(folder)))
        for row in bench_clip(
            options.video, frames=options.frames, detector=options.detector, model=model, score=options.score,
            engine=options.engine, precision=options.precision, threads=1, jobs=options.jobs, pairs=options.pairs,
        ):  # fmt: skip
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
