"""The inputs of benchmarks/compare_installs.py: files found in --data, and files made of them in advance."""

from dataclasses import dataclass
from pathlib import Path

IMAGES = {".jpg", ".jpeg", ".png", ".webp", ".tif"}
CLIPS = {".mp4", ".mov", ".mkv", ".avi", ".gif", ".mjpeg"}


@dataclass(frozen=True, slots=True)
class Data:
    """The files of --data.

    Attributes:
        images: image files.
        clips: video files.
        records: files of JSON lines.
        labels: COCO keypoint labels and the folder of their images.
        labelled: these images.
        results: pairs of a label file and a results file.
        whole_body: COCO-WholeBody labels.
    """

    images: list[str]
    clips: list[str]
    records: list[str]
    labels: tuple[str, str] | None
    labelled: list[str]
    results: list[tuple[str, str]]
    whole_body: str


def find_data(folders: list[Path]) -> Data:
    """Look through folders; `pictures/`, `videos/`, `val/` and `samples/` inside one are used where they exist."""
    images, clips, records = [], [], []
    for folder in folders:
        places = [folder, folder / "pictures", folder / "videos"]
        for file in sorted(file for place in places if place.is_dir() for file in place.iterdir()):
            if file.suffix in IMAGES:
                images.append(str(file))
            elif file.suffix in CLIPS:
                clips.append(str(file))
            elif file.suffix == ".jsonl":
                records.append(str(file))
    results = [
        (str(file), str(file).replace("_val", "_preds"))
        for folder in folders
        for file in sorted((folder / "samples" / "eval_examples").glob("*_val.json"))
    ]
    labels = [folder / "val" for folder in folders if (folder / "val/person_keypoints.json").is_file()]
    whole = [str(file) for folder in folders for file in folder.glob("samples/coco/*wholebody*.json")]
    return Data(
        images,
        clips,
        records,
        (str(labels[0] / "person_keypoints.json"), str(labels[0] / "images")) if labels else None,
        [str(file) for file in sorted((labels[0] / "images").iterdir())] if labels else [],
        results,
        whole[0] if whole else "",
    )


def prepared(data: Data) -> dict[str, tuple[str, ...]]:
    """Name of an input -> the command line whose standard output it is."""
    made: dict[str, tuple[str, ...]] = {
        "boxes": ("detect", *data.images),
        "poses": ("pose", *data.images),
        "demo": ("pose", "demo", "--track"),
        "clips": ("pose", *data.clips[:4], "--max-frames", "30", "--on-error", "skip"),
        "csv": ("convert", "{clips}", "--to", "csv"),
        "mmpose": ("convert", "{demo}", "--to", "mmpose"),
    }
    if data.labels:
        made["truth_poses"] = ("pose", *data.labelled[:20])
        made["coco"] = ("convert", "{truth_poses}", "--to", "coco", "--labels", data.labels[0])
    if data.whole_body:
        made["whole"] = ("convert", data.whole_body, "--from", "coco")
        made["hands"] = ("convert", "{whole}", "--boxes-from", "lefthand,righthand", "--skeleton", "hand21")
    return made
