"""AP during training: keypoints in true boxes, and the detector's boxes at 320, of `val` or a part of `train`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from rtmcli.metrics.coco import box_figures, keypoint_figures
from rtmcli.networks.rtmdet import decode
from rtmcli.skeletons import load_skeleton
from tools.bundled_models import crops
from tools.bundled_models.detector import letterbox
from tools.bundled_models.detector import normalise as normalise_bgr


def labels_of(folder: Path, chosen: Callable[[dict], bool]) -> dict:
    """The label file with the pictures that are chosen by their entry."""
    labels = json.loads((folder / "person_keypoints.json").read_text())
    labels["images"] = [entry for entry in labels["images"] if chosen(entry)]
    ids = {entry["id"] for entry in labels["images"]}
    labels["annotations"] = [note for note in labels["annotations"] if note["image_id"] in ids]
    return labels


class PeopleInTrueBoxes:
    """AP of a pose network on the labelled people of a folder, with a plain warp; pictures `chosen` by their id."""

    def __init__(
        self, folder: Path, size: tuple[int, int], device: str, chosen: Callable[[int], bool] = lambda _: True
    ) -> None:
        self.labels = labels_of(folder, lambda entry: chosen(entry["id"]))
        self.size, self.device = size, device
        self.people, cut = [], []
        for person, image in crops.cut_people(folder, min_labels=1, chosen=chosen):
            self.people.append(person)
            cut.append(crops.cut(image, person.box, size, halve=False))
        self.crops = np.stack(cut)  # (N, H, W, 3) BGR

    @torch.no_grad()
    def __call__(self, model: torch.nn.Module) -> dict[str, float]:
        """`ap`, the shares of labelled points within 8 and 16 input pixels, and the median score of all points."""
        places, scores = [], []
        for at in range(0, len(self.crops), 64):
            batch = crops.normalise(self.crops[at : at + 64], self.device)
            x, y = (logits.max(-1) for logits in model(batch.contiguous(memory_format=torch.channels_last)))
            places.append(torch.stack([x.indices, y.indices], -1).cpu().numpy() / 2)
            scores.append(torch.minimum(x.values, y.values).cpu().numpy())
        results, near = [], []
        for person, place, score in zip(
            self.people, np.concatenate(places), np.concatenate(scores), strict=True
        ):
            centre, width = crops.field_of(person.box)
            place = (place - np.array(self.size) / 2) / self.size[0] * width + centre
            error = np.linalg.norm(place - person.keypoints[:, :2], axis=1) / width * self.size[0]
            near.append(error[person.keypoints[:, 2] > 0])
            good = score[score > 0.2]
            results.append(
                {
                    "image_id": person.image_id,
                    "category_id": 1,
                    "keypoints": np.concatenate([place, score[:, None]], 1).ravel().tolist(),
                    "score": float(good.mean()) if len(good) else 0.0,
                }
            )
        errors = np.concatenate(near)
        return {
            "ap": keypoint_figures(self.labels, results, load_skeleton("coco17").sigmas)["AP"],
            "within8": float((errors < 8).mean()),
            "within16": float((errors < 16).mean()),
            "score": float(np.median(np.concatenate(scores))),
        }


class Boxes:
    """Box AP of a detector at 320 on the completely labelled pictures of a folder; pictures `chosen` by their id."""

    def __init__(self, folder: Path, device: str, chosen: Callable[[int], bool] = lambda _: True) -> None:
        self.device = device
        self.labels = labels_of(
            folder, lambda e: chosen(e["id"]) and e.get("complete_person_annotations", True)
        )
        self.ids: list[int] = []
        self.canvases, self.scales = [], []
        for entry, image in crops.read_pictures(folder, self.labels):
            canvas, scale = letterbox(image)
            self.ids.append(entry["id"])
            self.canvases.append(canvas)
            self.scales.append(scale)

    @torch.no_grad()
    def __call__(self, model: torch.nn.Module) -> dict[str, float]:
        results = []
        for at in range(0, len(self.canvases), 16):
            pixels = torch.from_numpy(np.stack(self.canvases[at : at + 16])).to(self.device)
            scores, distances = model(normalise_bgr(pixels.permute(0, 3, 1, 2).float()))
            found = decode(scores, distances, score=0.02, iou=0.6, before=300, keep=100, size=(320, 320))
            for i, (boxes, values, _) in enumerate(found, start=at):
                corners = boxes.cpu().numpy() / np.tile(self.scales[i], 2)
                for box, value in zip(corners, values.tolist(), strict=True):
                    size = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
                    box_of = {"bbox": [float(v) for v in size], "score": value}
                    results.append({"image_id": self.ids[i], "category_id": 1, **box_of})
        return {"ap": box_figures(self.labels, results)["AP"]}


def measure_all(evaluations: dict[str, Callable], model: torch.nn.Module) -> dict[str, float]:
    """The figures of several parts as `PART_FIGURE`."""
    return {
        f"{part}_{key}": value
        for part, evaluate in evaluations.items()
        for key, value in evaluate(model).items()
    }
