"""From the parts to the arrays that both trainings read."""

from __future__ import annotations

import tarfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tools.bundled_models.crops import FOLDERS
from tools.bundled_models.prepare import load_teacher, prepare_crops, prepare_pictures
from tools.bundled_models.teacher_maps import PADDINGS


def unpack(parts: Path) -> Path:
    """The folder with the data; parts that came later than its last use are added."""
    data = parts / "data"
    for part in sorted(parts.glob("part-*.tar")):
        mark = data / f"{part.name}.unpacked"
        if not mark.exists():
            with tarfile.open(part) as archive:
                archive.extractall(data, filter="data")
            mark.touch()
    return data


def prepare(data: Path, device: str) -> None:
    """Arrays in `data/cache`, one process a folder; nothing where they are there already."""
    missing = [name for name in FOLDERS if not (data / f"cache/pose_{name}/pictures.npy").exists()]
    with ProcessPoolExecutor(max(len(missing), 1), mp_context=get_context("spawn")) as pool:
        list(pool.map(prepare_folder, [data] * len(missing), missing, [device] * len(missing)))


def prepare_folder(data: Path, name: str, device: str) -> None:
    prepare_pictures(data, data / "cache/detector", [name])
    teacher = load_teacher(data / "weights/tinypose_256x192.onnx", device)
    crops = prepare_crops(data / name, teacher, PADDINGS, device=device)
    crops.save(data / f"cache/pose_{name}")
