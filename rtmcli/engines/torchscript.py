"""TorchScript files, as `rtm export --to torchscript` writes them; the torch engine opens them by their suffix."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.engines.base import Arrays, Port
from rtmcli.engines.runtime_errors import check_file, reading, running
from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.zoo.card import METADATA_KEY, Card

SUFFIX = ".pt"


class TorchScriptEngine:
    """A script module that includes decoding and suppression. `open_script` makes one."""

    def __init__(self, script: Any, card: Card, *, threads: int) -> None:
        self.script, self.card, self._threads = script, card, threads
        sides = (card.height, card.width)
        if card.contract == "deploy":
            self.inputs = [Port("image", (None, *sides, 3), "uint8")]
        else:
            self.inputs = [Port("input", (None, 3, *sides), "float32")]
        self.outputs = _outputs(card)

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        import torch

        with running("torch", self.card.name), torch.inference_mode():
            values = self.script(torch.from_numpy(np.ascontiguousarray(feeds[self.inputs[0].name])))
        found = {port.name: value.numpy() for port, value in zip(self.outputs, values, strict=True)}
        return {name: found[name] for name in (names if names is not None else found)}

    def facts(self) -> dict[str, Any]:
        import torch

        return {
            "engine": "torch",
            "version": torch.__version__,
            "device": "cpu",
            "providers": ["torchscript"],
            "precision": "float32",
            "threads": self._threads,
        }


def open_script(path: Path, *, device: str, precision: str, threads: int) -> TorchScriptEngine:
    """Open a .pt file on the CPU, in its own precision; errors as for `engines.open_engine`."""
    if not device.startswith("cpu") or precision != "float32":
        raise UsageError(f"{path}: TorchScript files run only with --device cpu and --precision float32")
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingError("PyTorch is not installed; pip install 'rtmcli[torch]'") from None
    check_file(path)
    extra = {METADATA_KEY: ""}
    with reading("torch", path), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
    text: Any = extra[METADATA_KEY]  # bytes or text by version
    if not text:
        raise DataError(f"{path}: has no card; 'rtm export MODEL --to torchscript' writes a file with one")
    card = Card.from_json(text.decode() if isinstance(text, bytes) else text)
    torch.set_num_threads(threads)
    return TorchScriptEngine(script, card, threads=threads)


def _outputs(card: Card) -> list[Port]:
    if card.task == "detector":
        return [Port("dets", (None, None, 5), "float32"), Port("labels", (None, None), "int64")]
    if card.task == "onestage":
        return [Port("dets", (None, None, 5), "float32"), Port("keypoints", (None, None, None, 3), "float32")]
    names = ["simcc_x", "simcc_y"] if card.family != "rtmw3d" else ["simcc_x", "simcc_y", "simcc_z"]
    ports = [Port(name, (None, None, None), "float32") for name in names]
    return [Port("keypoints", (None, None, 3), "float32"), *ports] if card.contract == "deploy" else ports
