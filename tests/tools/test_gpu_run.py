"""The GPU run, rehearsed on the CPU: packed, trained on a bare machine, stopped and resumed."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tools.bundled_models.crops import compared, held_out

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
# Python imports it at its start, in every process: the project's packages are missing but torch, numpy and OpenCV
SITECUSTOMIZE = """
import sys
for name in ("onnx", "onnxscript", "onnxruntime", "openvino", "ncnn", "scipy", "pycocotools", "safetensors", "typer",
             "rich", "pydantic", "av", "matplotlib", "tensorboard", "platformdirs", "orjson"):
    sys.modules[name] = None
"""


def copy_some(source: Path, target: Path, names: set[str], labels: dict) -> None:
    """A data folder with a few pictures of another one."""
    target.mkdir(parents=True)
    labels["images"] = [entry for entry in labels["images"] if entry["file_name"] in names]
    ids = {entry["id"] for entry in labels["images"]}
    labels["annotations"] = [note for note in labels["annotations"] if note["image_id"] in ids]
    (target / "person_keypoints.json").write_text(json.dumps(labels))
    if (source / "images").is_dir():
        (target / "images").mkdir()
        for name in names:
            (target / "images" / name).write_bytes((source / "images" / name).read_bytes())
        return
    with (
        tarfile.open(source / "images-000.tar") as archive,
        tarfile.open(target / "images-000.tar", "w") as new,
    ):
        for name in sorted(names):
            stream = archive.extractfile(name)
            assert stream is not None
            content = stream.read()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            new.addfile(entry, io.BytesIO(content))


@pytest.fixture(scope="module")
def small_data(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder with a handful of pictures of each part, and the real teachers."""
    folder = tmp_path_factory.mktemp("data")
    for part in ("train", "train_sports", "train_people", "val"):
        labels = json.loads((data_dir / part / "person_keypoints.json").read_text())
        labelled = {note["image_id"] for note in labels["annotations"] if sum(note["keypoints"][2::3]) > 10}
        usable = [
            entry
            for entry in labels["images"]
            if entry["id"] in labelled and entry.get("shard", "images-000.tar") == "images-000.tar"
        ]
        chosen = usable[:3]
        if part == "train":  # both tenths that are measured have somebody
            kinds = (held_out, compared, lambda picture: not held_out(picture) and not compared(picture))
            chosen = [entry for kind in kinds for entry in [e for e in usable if kind(e["id"])][:2]]
        copy_some(data_dir / part, folder / part, {entry["file_name"] for entry in chosen}, labels)
    (folder / "weights").symlink_to(data_dir / "weights")
    return folder


def run_module(*command: str, bare: Path | None = None) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, filter(None, (bare, REPOSITORY))))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def test_the_gpu_run_packs_trains_stops_and_goes_on_with_torch_numpy_and_opencv_alone(
    small_data: Path, tmp_path: Path
) -> None:
    parts, bare = tmp_path / "parts", tmp_path / "bare"
    bare.mkdir()
    (bare / "sitecustomize.py").write_text(SITECUSTOMIZE)
    packed = run_module(
        "tools.bundled_models.gpu_run.pack", "--data", str(small_data), "--out", str(parts),
        "--limit", "15000000",
    )  # fmt: skip
    sizes = [json.loads(line)["bytes"] for line in packed.stdout.splitlines() if line.startswith('{"part"')]
    assert len(sizes) >= 2 and max(sizes) <= 15_000_000

    def train(out: Path, *more: str) -> dict[str, list[dict]]:
        run_module(
            "tools.bundled_models.gpu_run.train", "--parts", str(parts), "--out", str(out), "--device", "cpu",
            "--pose-batch", "2", "--detector-batch", "4", "--minutes", "0.03", *more, bare=bare,
        )  # fmt: skip
        assert max(path.stat().st_size for path in out.rglob("*") if path.is_file()) < 16_000_000
        return {
            name: [json.loads(line) for line in (out / name / "log.jsonl").read_text().splitlines()]
            for name in ("rtmpose-t", "rtmdet-nano")
        }

    # stopped at once after the preparation, then resumed where nothing is left but what came back
    first = train(tmp_path / "first", "--stop-after", "0")
    assert [lines[-1]["step"] for lines in first.values()] == [0, 0]
    second = train(tmp_path / "second", "--resume", str(tmp_path / "first"), "--stop-after", "10")
    for name, lines in second.items():
        assert lines[0] == first[name][0] and lines[-1]["step"] >= 1
        assert -1 <= lines[-1]["held_out_ap"] <= 1
        assert (tmp_path / "second" / name / "last.pt").exists()
