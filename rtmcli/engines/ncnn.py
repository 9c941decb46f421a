"""ncnn: small and fast on ARM, with Vulkan where a driver is; opens what `rtm export --to ncnn` writes.

A model is three files: NAME.param, NAME.bin and NAME.card.json, because ncnn's format cannot hold a card. RTMO has
NAME.dcc.param and NAME.dcc.bin in addition. They hold the networks alone; a detector's outputs are decoded in numpy by
`codecs.dense_decode`.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.codecs import dense_decode
from rtmcli.engines.base import Arrays, Port, split_device
from rtmcli.engines.runtime_errors import check_file, reading, running
from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.zoo.card import Card

KEEP = 100  # boxes or people of an image, as in our ONNX exports
BOX_PADDING = 1.25  # RTMO, section 3.3: the classifier's bins span 1.25 times the box


class NcnnEngine:
    """A network in ncnn and its decoding in numpy. `open_model` makes one."""

    def __init__(self, nets: list[Any], card: Card, *, device: str, precision: str, threads: int) -> None:
        self.card = card
        self._net, self._nets = nets[0], nets
        self._names = sorted(self._net.output_names())
        self._device, self._precision, self._threads = device, precision, threads
        self.inputs = [Port("input", (None, 3, card.height, card.width), "float32")]
        self.outputs = _outputs(card, self._names)

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        images = np.ascontiguousarray(feeds["input"], np.float32)  # (N, 3, H, W)
        wanted = list(names) if names is not None else [port.name for port in self.outputs]
        with running("ncnn", self.card.name):
            found = [self._finish(self._run(image)) for image in images]
        return {name: _batch(self.card, [one[name] for one in found]) for name in wanted}

    def facts(self) -> dict[str, Any]:
        import ncnn

        return {
            "engine": "ncnn",
            "version": ncnn.__version__,
            "device": self._device,
            "providers": ["vulkan" if self._net.opt.use_vulkan_compute else "cpu"],
            "precision": self._precision,
            "threads": self._threads,
        }

    def _run(self, image: Any) -> Arrays:
        """The network's own outputs for one image (3, H, W)."""
        return _extract(self._net, {"input": image}, self._names)

    def _finish(self, maps: Arrays) -> Arrays:
        """The model's outputs, decoded from those of its network."""
        card = self.card
        if card.task == "topdown":
            return maps
        score, iou = card.score if card.score is not None else 0.05, card.iou if card.iou is not None else 0.6

        def levels(name: str) -> list[Any]:
            own = (key for key in self._names if key.startswith(f"{name}_"))
            return [maps[key] for key in sorted(own, key=_stride)]  # (C, h, w) each, finest first

        if card.family == "rtmdet":
            found = dense_decode.rtmdet_cells(levels("cls"), levels("box"), score=score)
        elif card.family == "yolox":
            found = dense_decode.yolox_cells(levels("cls"), levels("box"), levels("obj"), score=score)
        else:
            # RTMO has one class and no objectness.
            ones = [np.full_like(level, np.inf) for level in levels("cls")]
            found = dense_decode.yolox_cells(
                ones, levels("box"), levels("cls"), score=score, strides=(16, 32), middle=True
            )
        found = dense_decode.suppress(found, iou=iou, keep=KEEP)
        table = {
            "dets": np.concatenate([found.boxes, found.scores[:, None]], axis=1),  # (M, 5)
            "labels": found.labels.astype(np.int64),  # (M,)
        }
        if card.task == "onestage":
            table["keypoints"] = self._classify(found, levels("vis"), levels("pose"))
        return table

    def _classify(self, found: dense_decode.Found, vis: list[Any], pose: list[Any]) -> Any:
        """RTMO's coordinate classifier on kept cells: keypoints (M, K, 3), x, y in input pixels and visibility."""
        shown = _columns(vis, found.places)  # (M, K)
        vectors = _columns(pose, found.places)  # (M, P)
        points = _cell_points(pose, found.places)  # (M, 2)
        keypoints = np.zeros((*shown.shape, 3), np.float32)
        for row, (vector, box, cell) in enumerate(zip(vectors, found.boxes, points, strict=True)):
            middle, size = (box[:2] + box[2:]) * 0.5 - cell, (box[2:] - box[:2]) * np.float32(BOX_PADDING)
            bins = [
                np.linspace(-0.5, 0.5, count, dtype=np.float32) * side + shift
                for count, side, shift in zip(_BINS, size, middle, strict=True)
            ]
            feeds = {
                "pose": vector[None],
                "bins_x": bins[0][None],
                "bins_y": bins[1][None],
            }  # (1, P), (1, X), (1, Y)
            out = _extract(self._nets[1], feeds, ["prob_x", "prob_y"])  # (1, K, X), (1, K, Y)
            keypoints[row, :, 0] = out["prob_x"][0] @ bins[0] + cell[0]
            keypoints[row, :, 1] = out["prob_y"][0] @ bins[1] + cell[1]
        keypoints[..., 2] = 1 / (1 + np.exp(-shown))
        return keypoints


_BINS = (192, 256)  # RTMO, section 4.1


def open_model(path: Path, *, device: str, precision: str, threads: int) -> NcnnEngine:
    """Open a .param file with its .bin and its card; errors as for `engines.open_engine`."""
    try:
        import ncnn
    except ImportError:
        raise MissingError("ncnn is not installed; pip install 'rtmcli[ncnn]'") from None
    kind, index = split_device(device)
    if kind not in ("cpu", "vulkan"):
        raise UsageError(f"ncnn has no device {device!r}; expected cpu or vulkan")
    if precision == "int8":
        raise UsageError("ncnn's Python package cannot make int8 models; use --precision float16 or bfloat16")
    if path.suffix != ".param":
        raise UsageError(f"{path}: ncnn opens .param files; 'rtm export {path} --to ncnn' writes one")
    if kind == "vulkan":
        with _quiet():
            devices = ncnn.get_gpu_count()
        if index >= devices:
            raise MissingError(f"ncnn finds {devices} Vulkan devices, not {device}; use --device cpu")
    elif precision == "float16" and not ncnn.cpu_support_arm_asimdhp():
        # It would compute in float32 silently.
        raise MissingError(
            "ncnn computes in float16 only on ARM and Vulkan; use --precision bfloat16 or float32"
        )
    card = read_card_beside(path)
    files = [path]
    if card.family == "rtmo":
        files.append(path.with_name(f"{path.stem}.dcc.param"))
    nets = [_load(ncnn, file, device=(kind, index), precision=precision, threads=threads) for file in files]
    return NcnnEngine(nets, card, device=device, precision=precision, threads=threads)


def card_path(param: Path) -> Path:
    """Where the card of NAME.param is: NAME.card.json."""
    return param.with_suffix(".card.json")


def read_card_beside(param: Path) -> Card:
    """The card of a .param file. Raises MissingError where it has none, DataError where it is no card."""
    check_file(param)
    file = card_path(param)
    try:
        return Card.from_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingError(
            f"{param}: its card {file.name}, which describes its input, is missing from the same folder; "
            "'rtm export MODEL --to ncnn' writes both"
        ) from None
    except UnicodeDecodeError:
        raise DataError(f"{file}: is not a model card (JSON text)") from None


def _load(ncnn: Any, param: Path, *, device: tuple[str, int], precision: str, threads: int) -> Any:
    weights = param.with_suffix(".bin")
    if not weights.is_file():
        raise MissingError(
            f"{param}: its weights {weights.name} are missing from the same folder; export the model again"
        )
    net = ncnn.Net()
    options = net.opt
    options.num_threads = threads
    options.use_vulkan_compute = device[0] == "vulkan"
    half = precision == "float16"
    options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = half
    options.use_bf16_packed = options.use_bf16_storage = precision == "bfloat16"
    if device[0] == "vulkan":
        net.set_vulkan_device(device[1])
    with reading("ncnn", param), _quiet():
        failed = net.load_param(str(param)) or net.load_model(str(weights))
    if failed or not net.output_names():
        raise DataError(f"{param}: ncnn cannot read this model; export it again")
    return net


class _quiet:
    """Suppresses the messages that ncnn prints directly to stderr."""

    def __enter__(self) -> None:
        self._null, self._kept = os.open(os.devnull, os.O_WRONLY), os.dup(2)
        os.dup2(self._null, 2)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._kept, 2)
        os.close(self._null)
        os.close(self._kept)


def _extract(net: Any, feeds: Arrays, names: Sequence[str]) -> Arrays:
    import ncnn

    extractor = net.create_extractor()
    for name, value in feeds.items():
        # A clone is aligned for ncnn's widest instructions; unaligned memory of numpy can crash the process.
        extractor.input(name, ncnn.Mat(value).clone())
    out: Arrays = {}
    for name in names:
        failed, mat = extractor.extract(name)
        if failed:
            raise DataError(f"ncnn could not compute {name}; export the model again")
        out[name] = np.array(mat, np.float32)
    return out


def _stride(name: str) -> int:
    """`box_16` -> 16."""
    return int(name.rpartition("_")[2])


def _outputs(card: Card, names: Sequence[str]) -> list[Port]:
    if card.task == "topdown":
        return [Port(name, (None, None, None), "float32") for name in names]
    dets = Port("dets", (None, None, 5), "float32")
    if card.task == "onestage":
        return [dets, Port("keypoints", (None, None, None, 3), "float32")]
    return [dets, Port("labels", (None, None), "int64")]


def _batch(card: Card, images: Sequence[Any]) -> Any:
    return np.stack(images) if card.task == "topdown" else dense_decode.padded(images)


def _columns(levels: Sequence[Any], places: Any) -> Any:
    """Values (M, C) of maps (C, h, w) of all levels at places (M,) of the joined cells."""
    return np.concatenate([level.reshape(len(level), -1) for level in levels], axis=1).T[places]


def _cell_points(levels: Sequence[Any], places: Any) -> Any:
    """The centres (M, 2) of cells of RTMO's two levels."""
    points = []
    for level, stride in zip(levels, (16, 32), strict=True):
        row, column = np.divmod(np.arange(level.shape[1] * level.shape[2]), level.shape[2])
        points.append(dense_decode.cell_points(column, row, stride, middle=True))
    return np.concatenate(points)[places]
