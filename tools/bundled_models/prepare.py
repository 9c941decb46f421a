"""From the data folder to plain arrays: person crops with the teacher's heat maps, and pictures for the detector."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from tools.bundled_models.crops import (
    CROP,
    FIELD,
    FOLDERS,
    Crops,
    Person,
    cut,
    cut_people,
    field_of,
    read_pictures,
)
from tools.bundled_models.detector import PAD, SIDES
from tools.bundled_models.onnx_teacher import Teacher, load_graph
from tools.bundled_models.teacher_maps import cut_for_teacher, draw_maps, peaks, teach

BATCH = 16  # people a call of the teacher; with three paddings and mirror images, 96 crops


def load_teacher(path: Path, device: str, outputs: Sequence[str] = ()) -> Teacher:
    """In float32: activations reach 360,000 and float16 ends at 65,504; bfloat16 moves heatmaps by up to .47."""
    teacher = Teacher(load_graph(path), outputs).eval().to(device)
    return teacher.to(memory_format=torch.channels_last)


def prepare_crops(
    folder: Path,
    teacher: Teacher | None,
    paddings: tuple[float, ...],
    *,
    device: str = "cpu",
    chosen: Callable[[int], bool] = lambda picture: True,
    log: Callable[[str], None] = print,
) -> Crops:
    """Cut the usable people of one of FOLDERS and add heat maps.

    With a `teacher`, its maps; it also places the points that no hand labelled, with a weight by its peak. Without,
    Gaussians at the points of the label file, as high as its `teacher_scores`.
    """
    name = folder.name
    images: list[np.ndarray] = []
    points: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    maps: list[np.ndarray] = []
    pictures: list[int] = []
    waiting: list[tuple[Person, np.ndarray]] = []

    def finish_waiting() -> None:
        people = [person for person, _ in waiting]
        if teacher is None:
            seen = np.stack([_drawn(person) for person in people])
        else:
            seen = teach(teacher, np.stack([crops for _, crops in waiting]), paddings, device)
        for person, place, height in zip(people, *peaks(seen), strict=True):
            # a person's whole set of points may be a teacher's; its trust is higher where people were selected by it
            by_hand = (person.keypoints[:, 2] > 0) & (person.scores is None)
            trust = (0.6 if person.scores is None else 0.9) * ((height - 0.3) / 0.4).clip(0, 1)
            points.append(np.where(by_hand[:, None], _in_fields(person), place).astype(np.float32))
            weights.append(np.where(by_hand, 1, trust).astype(np.float32))
        maps.append(np.round(255 * seen).astype(np.uint8))
        waiting.clear()

    for person, image in cut_people(folder, chosen=chosen):
        images.append(cut(image, person.box, CROP, FIELD)[..., ::-1])
        pictures.append(person.image_id)
        used_paddings = paddings if teacher is not None else ()
        views = [cut_for_teacher(image, person.box, padding) for padding in used_paddings]
        waiting.append((person, np.stack(views) if views else np.empty(0)))
        if len(waiting) == BATCH:
            finish_waiting()
            if len(images) % 640 == 0:
                log(f"{name}: {len(images)} people")
    if waiting:
        finish_waiting()
    source = np.full(len(images), FOLDERS.index(name))
    return Crops(
        np.stack(images),
        np.stack(points),
        np.stack(weights),
        np.concatenate(maps),
        source,
        np.array(pictures),
    )


def _in_fields(person: Person) -> np.ndarray:
    """The labelled points (17, 2) in the unit of the network's field."""
    centre, width = field_of(person.box)
    return (person.keypoints[:, :2] - centre) / width


def _drawn(person: Person) -> np.ndarray:
    scores = person.scores if person.scores is not None else np.full(17, 0.8)
    return draw_maps(_in_fields(person), (scores * (person.keypoints[:, 2] > 0)).clip(0, 1))


def prepare_pictures(data: Path, folder: Path, names: Sequence[str] = tuple(SIDES)) -> None:
    """Write every picture to `folder` as (N, S, S, 3) BGR, upper left in a square of 114, its (w, h) and its id."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        labels = json.loads((data / name / "person_keypoints.json").read_text())
        count, side = len(labels["images"]), SIDES[name]
        pictures = np.full((count, side, side, 3), PAD, np.uint8)
        sizes, ids = np.zeros((count, 2), np.int64), np.zeros(count, np.int64)
        for i, (entry, image) in enumerate(read_pictures(data / name, labels)):
            height, width = image.shape[:2]
            pictures[i, :height, :width] = image
            sizes[i], ids[i] = (width, height), entry["id"]
        for what, array in (("", pictures), ("_sizes", sizes), ("_ids", ids)):
            np.save(folder / f"{name}{what}.npy", array)
