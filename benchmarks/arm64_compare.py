"""Compare the records of two machines; used by benchmarks/arm64_emulated.sh.

    python benchmarks/arm64_compare.py extract FOLDER [--frames 4] [--pictures DIR]
    python benchmarks/arm64_compare.py compare A.jsonl B.jsonl

`extract` writes frames of the demo clip, and the images of DIR, as PNG files: the same pixels for both machines.
`compare` prints one JSON line: whether both files have the same people and ids in each frame, and the distances between
their keypoints in pixels. Exit code 1 where people or ids differ.
"""

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np

from rtmcli import open_media

CONFIDENT = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    extracting = commands.add_parser("extract")
    extracting.add_argument("folder", type=Path)
    extracting.add_argument("--frames", type=int, default=4)
    extracting.add_argument("--pictures", type=Path)
    extracting.set_defaults(run=lambda options: extract(options.folder, options.frames, options.pictures))
    comparing = commands.add_parser("compare")
    comparing.add_argument("a", type=Path)
    comparing.add_argument("b", type=Path)
    comparing.set_defaults(run=lambda options: compare(options.a, options.b))
    options = parser.parse_args()
    return int(options.run(options))


def extract(folder: Path, frames: int, pictures: Path | None) -> int:
    folder.mkdir(parents=True)
    for source, most in [("demo", frames), *([(str(pictures), 1000)] if pictures else [])]:
        with open_media(source) as media:
            for number, picture in zip(range(most), media, strict=False):
                cv2.imwrite(str(folder / f"{Path(source).stem}-{number:03d}.png"), picture.image)
    return 0


def compare(first: Path, second: Path) -> int:
    pairs = list(zip(read_frames(first), read_frames(second), strict=True))
    ids = [[[person.get("id") for person in frame["instances"]] for frame in pair] for pair in pairs]
    people = [[len(frame["instances"]) for frame in pair] for pair in pairs]
    a, b = (
        np.array(
            [
                person["keypoints"]
                for pair in pairs
                if len(pair[0]["instances"]) == len(pair[1]["instances"])
                for person in pair[i]["instances"]
            ]
        ).reshape(-1, 17, 3)
        for i in range(2)
    )
    distances = np.linalg.norm((a - b)[..., :2], axis=-1)
    confident = distances[(a[..., 2] > CONFIDENT) & (b[..., 2] > CONFIDENT)]
    row = {
        "records": first.name,
        "frames": len(pairs),
        "people": sum(count for count, _ in people),
        "frames_with_other_people": sum(x != y for x, y in people),
        "frames_with_other_ids": sum(x != y for x, y in ids),
        "keypoints": distances.size,
        "pixels_median": summary(distances, 0.5),
        "pixels_p95": summary(distances, 0.95),
        "pixels_worst": summary(distances, 1.0),
        "confident_worst": summary(confident, 1.0),
    }
    print(json.dumps(row))
    return int(row["frames_with_other_people"] + row["frames_with_other_ids"] > 0)


def read_frames(path: Path) -> list[dict]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if "instances" in line]


def summary(distances: np.ndarray, share: float) -> float | None:
    return round(float(np.quantile(distances, share)), 3) if distances.size else None


if __name__ == "__main__":
    sys.exit(main())
