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

from rtmcli import Frame, open_media, read_frames

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
    pairs = list(zip(read_frames(str(first)), read_frames(str(second)), strict=True))
    same = [(a, b) for a, b in pairs if ids(a) == ids(b)]
    poses = [np.array([person.keypoints for pair in same for person in pair[i].instances]) for i in range(2)]
    a, b = (part.reshape(-1, 17, 3) for part in poses)
    distances = np.linalg.norm((a - b)[..., :2], axis=-1)
    row = {
        "records": first.name,
        "frames": len(pairs),
        "people": sum(len(frame.instances) for frame, _ in pairs),
        "frames_with_other_people_or_ids": len(pairs) - len(same),
        "keypoints": distances.size,
        "pixels_median": summary(distances, 0.5),
        "pixels_p95": summary(distances, 0.95),
        "pixels_worst": summary(distances, 1.0),
        "confident_worst": summary(distances[np.minimum(a, b)[..., 2] > CONFIDENT], 1.0),
    }
    print(json.dumps(row))
    return int(len(same) < len(pairs))


def ids(frame: Frame) -> list[int | None]:
    return [person.id for person in frame.instances]


def summary(distances: np.ndarray, share: float) -> float | None:
    return round(float(np.quantile(distances, share)), 3) if distances.size else None


if __name__ == "__main__":
    sys.exit(main())
