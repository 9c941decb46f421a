"""Heat maps of the pose teacher (PP-TinyPose, 256 x 192) over the pose network's own field of view."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from tools.bundled_models.crops import ASPECT, FLIP, PADDING, constant, field_of, normalise
from tools.bundled_models.onnx_teacher import Teacher

TEACHER_SIZE = (192, 256)  # width, height of its input
MAP_SIZE = (48, 64)  # width, height of its heat maps
# Pixels of its input by which its peaks lie right of and below a person's labelled points: median over 638 points of
# `train`; the mirror image's lie left and below
SHIFT = (1.55, 1.25)
# AP of the mean of all three and their mirror images on `val`'s true boxes: .690; of 1.25 alone: .679
PADDINGS = (1.1, 1.25, 1.4)


def cut_for_teacher(
    image: np.ndarray, box: tuple[float, float, float, float], padding: float = PADDING
) -> np.ndarray:
    """TinyPose's own crop (256, 192, 3): the corner pixels' centres lie on the corners of the field.

    The field is the box, grown to 3:4 and by `padding`.
    """
    centre, width = field_of(box)
    factor = (TEACHER_SIZE[0] - 1) / (width * padding / PADDING)
    if factor < 0.5:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image, centre, factor = cv2.resize(image, half, interpolation=cv2.INTER_AREA), centre / 2, factor * 2
    shift = (np.array(TEACHER_SIZE) - 1) / 2 - factor * centre
    matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
    return cv2.warpAffine(image, matrix, TEACHER_SIZE, flags=cv2.INTER_LINEAR)


@torch.no_grad()
def teach(
    teacher: Teacher, crops: np.ndarray, paddings: tuple[float, ...], device: str = "cpu"
) -> np.ndarray:
    """The teacher's heat maps over the field of padding 1.25: (N, 17, 64, 48) in [0, 1].

    The mean over the crops of all paddings and their mirror images, each resampled to that field. Where a narrower
    crop does not reach, the mean is that of the others.

    Args:
        crops: (N, len(paddings), 256, 192, 3) uint8 BGR, cut with each of `paddings`.
    """
    count = len(crops)
    x = torch.linspace(-1, 1, MAP_SIZE[0], device=device)
    y = torch.linspace(-1, 1, MAP_SIZE[1], device=device)
    field = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]  # (1, 64, 48, 2)
    total = torch.zeros(count, 17, MAP_SIZE[1], MAP_SIZE[0], device=device)
    covered = torch.zeros(1, 1, MAP_SIZE[1], MAP_SIZE[0], device=device)
    for i, padding in enumerate(paddings):
        batch = normalise(crops[:, i], device).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=device == "cpu"):
            (maps,) = teacher(torch.cat([batch, batch.flip(3)]))
        straight, mirrored = maps.float().chunk(2)
        grid = field * (PADDING / padding)
        right = shift(device)
        left = right * constant((-1.0, 1.0), device)
        for part, way in ((straight, right), (mirrored.flip(3)[:, FLIP], left)):
            total += F.grid_sample(part, (grid + way).expand(count, -1, -1, -1), align_corners=True) / 2
        covered += (grid.abs() <= 1 + 1e-6).all(-1).float()
    return (total / covered).clamp(0, 1).cpu().numpy()


def shift(device: str | torch.device) -> torch.Tensor:
    """SHIFT (2,) in the unit of a sampling grid that reaches from -1 to 1."""
    return constant(tuple(2 * by / (side - 1) for by, side in zip(SHIFT, TEACHER_SIZE, strict=True)), device)


def peaks(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each heat map: its place in fields (N, 17, 2), by a parabola, and its height (N, 17)."""
    count, points, height, width = maps.shape
    flat = maps.reshape(count, points, -1)
    best, score = flat.argmax(-1), flat.max(-1)
    y, x = best // width, best % width
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    n, k = np.ogrid[:count, :points]

    def offset(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        bend = 2 * score - before - after
        return np.where(bend > 1e-6, (after - before) / np.maximum(2 * bend, 1e-6), 0).clip(-0.5, 0.5)

    dx = offset(padded[n, k, y + 1, x], padded[n, k, y + 1, x + 2])
    dy = offset(padded[n, k, y, x + 1], padded[n, k, y + 2, x + 1])
    place = np.stack([(x + dx) / (width - 1) - 0.5, ((y + dy) / (height - 1) - 0.5) / ASPECT], -1)
    return place.astype(np.float32), score


def draw_maps(points: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Gaussians of the teacher's width (2 cells of 64 x 48) at `points` (17, 2, in fields): (17, 64, 48)."""
    x = np.arange(MAP_SIZE[0])[None] - (points[:, :1] + 0.5) * (MAP_SIZE[0] - 1)  # (17, 48)
    y = np.arange(MAP_SIZE[1])[None] - (points[:, 1:] * ASPECT + 0.5) * (MAP_SIZE[1] - 1)  # (17, 64)
    shape = np.exp(-(y[:, :, None] ** 2 + x[:, None, :] ** 2) / (2 * 2.0**2))
    return (shape * heights[:, None, None]).astype(np.float32)
