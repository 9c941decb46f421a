"""From the parts to the arrays that both trainings read."""

from __future__ import annotations

import tarfile
import zlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import torch

from tools.bundled_models.crops import FOLDERS, Crops
from tools.bundled_models.detector import SIDES
from tools.bundled_models.prepare import load_teacher, prepare_crops, prepare_pictures
from tools.bundled_models.teacher_maps import PADDINGS

PROCESSES = {"train": 5, "train_sports": 4, "train_people": 3}  # that cut the people of each folder


def unpack(parts: Path, data: Path) -> None:
    """Extract the parts into the folder `data`; those that were extracted before are skipped."""
    for part in sorted(parts.glob("part-*.tar")):
        mark = data / f"{part.name}.unpacked"
        if not mark.exists():
            with tarfile.open(part) as archive:
                archive.extractall(data, filter="data")
            mark.touch()


def pose_crops(data: Path, device: str, processes: int) -> Crops:
    """The crops of all folders with the teacher's maps, from `data/cache` if they are there."""
    shares = {name: min(PROCESSES[name], processes) for name in FOLDERS}
    tasks = [(data, name, part, shares[name], device) for name in FOLDERS for part in range(shares[name])]
    with ProcessPoolExecutor(min(len(tasks), processes), mp_context=get_context("spawn")) as pool:
        folders = list(pool.map(cut_share, *zip(*tasks, strict=True)))
    return Crops.join([Crops.load(folder) for folder in folders])


def cut_share(data: Path, name: str, part: int, parts: int, device: str) -> Path:
    """Prepare the people of one share of a folder's pictures; returns the folder of the arrays."""
    target = data / f"cache/pose_{name}_{part}_of_{parts}"
    if not (target / "pictures.npy").exists():
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        teacher = load_teacher(data / "weights/tinypose_256x192.onnx", device)

        def chosen(picture: int) -> bool:
            return zlib.crc32(b"%d" % picture) % parts == part

        prepare_crops(data / name, teacher, PADDINGS, device=device, chosen=chosen).save(target)
    return target


def detector_pictures(data: Path) -> Path:
    """The folder with the pictures as arrays."""
    folder = data / "cache/detector"
    missing = [name for name in SIDES if not (folder / f"{name}_ids.npy").exists()]
    with ProcessPoolExecutor(max(len(missing), 1), mp_context=get_context("spawn")) as pool:
        list(
            pool.map(prepare_pictures, [data] * len(missing), [folder] * len(missing), [[n] for n in missing])
        )
    return folder
