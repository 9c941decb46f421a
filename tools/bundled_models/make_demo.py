"""Make the demo clip that ships with the package: a camera moves over two photographs on a wall.

    python -m tools.bundled_models.make_demo            # writes rtmcli/media/demo.mp4

The photographs come with scikit-image (pip install scikit-image): `astronaut`, the NASA portrait of Eileen Collins, in
the public domain, and `camera`, a cameraman by Lav Varshney, CC0. Wall, frames and motion are ours, and what comes out
is CC0 too. Prints one JSON line about the file.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from rtmcli.media import open_writer

SIZE = (640, 360)  # of the clip
FPS = 25
WALL = (172, 182, 186)  # BGR
MARGIN, GAP, MAT, FRAME = 150, 110, 26, 8  # pixels on the wall

# Seconds, and what the camera shows then: its centre on the wall and the width of its view.
PATH = [
    (0.0, (673, 406), 1320),
    (1.6, (673, 406), 1320),
    (3.6, (380, 400), 920),
    (5.2, (372, 390), 840),
    (7.2, (960, 400), 920),
    (8.6, (980, 410), 880),
    (10.0, (673, 406), 1280),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(__file__).parents[2] / "rtmcli" / "media" / "demo.mp4"
    parser.add_argument("-o", "--output", type=Path, default=default)
    output = parser.parse_args().output
    portrait = data.astronaut()[:, 74:362, ::-1]  # without the flag and the model of a shuttle beside her
    wall = hang([portrait, cv2.cvtColor(data.camera(), cv2.COLOR_GRAY2BGR)])
    frames = round(PATH[-1][0] * FPS)
    with open_writer(output, fps=FPS, size=SIZE) as writer:
        for number in range(frames):
            writer.write(look(wall, number / FPS), time=number / FPS)
    print(json.dumps({"file": output.name, "frames": frames, "size": SIZE, "bytes": output.stat().st_size}))


def hang(pictures: list[np.ndarray]) -> np.ndarray:
    """The pictures in their frames side by side on a wall, lit from above: (H, W, 3) uint8 BGR."""
    framed = [
        cv2.copyMakeBorder(
            cv2.copyMakeBorder(picture, MAT, MAT, MAT, MAT, cv2.BORDER_CONSTANT, value=(244, 247, 248)),
            FRAME, FRAME, FRAME, FRAME, cv2.BORDER_CONSTANT, value=(30, 34, 40),
        )
        for picture in pictures
    ]  # fmt: skip
    height = max(picture.shape[0] for picture in framed) + 2 * MARGIN
    width = sum(picture.shape[1] for picture in framed) + GAP * (len(framed) - 1) + 2 * MARGIN
    light = np.linspace(1.08, 0.86, height)[:, None, None]
    wall = np.clip(np.full((height, width, 3), WALL) * light, 0, 255).astype(np.uint8)
    left = MARGIN
    for picture in framed:
        h, w = picture.shape[:2]
        shadow = wall[MARGIN + 10 : MARGIN + 10 + h, left + 8 : left + 8 + w]
        shadow[:] = (shadow * 0.72).astype(np.uint8)
        wall[MARGIN : MARGIN + h, left : left + w] = picture
        left += w + GAP
    return cv2.GaussianBlur(wall, (3, 3), 0.6)


def look(wall: np.ndarray, time: float) -> np.ndarray:
    """What the camera sees at a time: (360, 640, 3) uint8 BGR."""
    following = next(index for index, (at, *_) in enumerate(PATH) if at > time)
    (begin, here, wide), (end, there, narrow) = PATH[following - 1], PATH[following]
    share = (time - begin) / (end - begin)
    share = share * share * (3 - 2 * share)  # starts and stops gently
    x, y = (a + (b - a) * share for a, b in zip(here, there, strict=True))
    scale = SIZE[0] / (wide * (narrow / wide) ** share)
    matrix = np.array([[scale, 0, SIZE[0] / 2 - x * scale], [0, scale, SIZE[1] / 2 - y * scale]])
    return cv2.warpAffine(wall, matrix, SIZE, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)


if __name__ == "__main__":
    main()
