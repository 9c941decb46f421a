"""Pack what a training on another machine needs into tar files of at most 45 MB.

    python -m tools.bundled_models.gpu_run.pack --data DATA [--out build/gpu_run] [--pose FILE] [--detector FILE]

Packs pictures and labels for training, both teachers, and the weights to start from: the bundled models', whose norms
are restored here because that needs the package onnx, or the .pt or .safetensors files that are named. Each part is a
tar file by itself; the parts can be sent one after the other.
"""

from __future__ import annotations

import argparse
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import torch

from rtmcli.errors import DataError
from rtmcli.zoo.resolve import WEIGHTS
from tools.bundled_models import train_detector, train_pose
from tools.bundled_models.crops import FOLDERS
from tools.bundled_models.prepare import prepare_crops, prepare_pictures

LIMIT = 45_000_000  # bytes of a part
TEACHERS = ("tinypose_256x192.onnx", "rtmdet_nano_person.onnx")
SIZE = (192, 256)  # width, height of the pose network's input
SAMPLE = 200  # pictures on whose people the norms are restored


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with train*, val and weights")
    parser.add_argument("--out", type=Path, default=Path("build/gpu_run"), help="folder for the parts")
    parser.add_argument(
        "--pose", type=Path, default=WEIGHTS / "rtmpose-t.onnx", help="start of the pose network"
    )
    parser.add_argument("--detector", type=Path, default=WEIGHTS / "rtmdet-nano.onnx", help="of the detector")
    parser.add_argument("--limit", type=int, default=LIMIT, help="bytes of a part")
    options = parser.parse_args()
    files = list(data_files(options.data)) + list(
        start_files(options.data, options.pose, options.detector, options.out)
    )
    for path in write_parts(files, options.out, options.limit):
        print(json.dumps({"part": str(path), "bytes": path.stat().st_size}))


File = tuple[str, bytes]  # name in the archive, content


def data_files(data: Path) -> Iterator[File]:
    for folder in FOLDERS:
        for path in sorted((data / folder).rglob("*")):
            if path.suffix in (".tar", ".json", ".jpg", ".png"):
                yield str(path.relative_to(data)), path.read_bytes()
    for name in TEACHERS:
        yield f"weights/{name}", (data / "weights" / name).read_bytes()


def start_files(data: Path, pose: Path, detector: Path, scratch: Path) -> Iterator[File]:
    """`start/rtmpose-t.pt` and `start/rtmdet-nano.pt`: float32 weights with norms that can be trained."""
    start = data / "weights/start"
    labels = json.loads((data / "train/person_keypoints.json").read_text())
    sample = {entry["id"] for entry in labels["images"][:SAMPLE]}
    crops = prepare_crops(data / "train", None, (), chosen=lambda picture: picture in sample)
    people = train_pose.Data.of_crops(crops, "cpu")
    network = train_pose.start_network(pose, start / "rtmpose-t_128x96.safetensors", people, SIZE, 0)
    yield "start/rtmpose-t.pt", _saved(network)
    prepare_pictures(data, scratch / "pictures", ["train"])
    pictures = {"train": train_detector.Pictures.load(scratch / "pictures", "train", "cpu")}
    unfolded = start / "rtmdet-nano_person_320.safetensors"
    yield "start/rtmdet-nano.pt", _saved(train_detector.start_network(detector, unfolded, pictures, 0))


def _saved(network: torch.nn.Module) -> bytes:
    stream = io.BytesIO()
    torch.save(network.state_dict(), stream)
    return stream.getvalue()


def write_parts(files: list[File], folder: Path, limit: int) -> list[Path]:
    """The files in tar files of at most `limit` bytes, in order of size so that few parts suffice."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("part-*.tar"):
        old.unlink()
    parts: list[tuple[int, list[File]]] = []
    for name, content in sorted(files, key=lambda file: -len(file[1])):
        size = 1024 + len(content) // 512 * 512  # a header and the content in blocks of 512
        if size + 10240 > limit:
            raise DataError(f"{name} has {len(content)} bytes; no part of {limit} bytes can hold it")
        at = next((i for i, (used, _) in enumerate(parts) if used + size + 10240 <= limit), len(parts))
        used, held = parts[at] if at < len(parts) else (0, [])
        parts[at : at + 1] = [(used + size, [*held, (name, content)])]
    written = []
    for i, (_, held) in enumerate(parts):
        path = folder / f"part-{i}.tar"
        with tarfile.open(path, "w") as archive:
            for name, content in held:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        written.append(path)
    return written


if __name__ == "__main__":
    main()
