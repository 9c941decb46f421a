"""`rtm export`: a model of any kind to a file for one runtime, proved before it gets its name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from rtmcli.engines import open_engine
from rtmcli.errors import MissingError, RtmError, UsageError
from rtmcli.zoo.card import Card
from rtmcli.zoo.resolve import find_model

if TYPE_CHECKING:
    from torch import nn

    from rtmcli.export.parity_check import Proof

Target = Literal["onnx", "openvino", "ncnn", "tensorrt", "torchscript"]
SUFFIX: dict[Target, str] = {
    "onnx": ".onnx", "openvino": ".xml", "ncnn": ".param", "tensorrt": ".engine", "torchscript": ".pt"
}  # fmt: skip
ENGINE: dict[Target, str] = {
    "onnx": "onnxruntime", "openvino": "openvino", "ncnn": "ncnn", "tensorrt": "tensorrt", "torchscript": "torch"
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to export and how to prove it.

    Attributes:
        target: the runtime.
        out: a file, or a folder for NAME with the target's suffix; None is the folder one stands in.
        precision: float32, float16 (stored, and for tensorrt and torchscript also computed) or int8.
        plain: the official contract instead of deploy.
        calib: pictures to calibrate int8 with.
        labels, images: COCO labels and their pictures, for AP before and after; `images` alone is what the proof
            looks at.
        skeleton, size: what a file without a card leaves open; (width, height).
        force: keep a file that fails its proof.
    """

    target: Target
    out: Path | None = None
    precision: Literal["float32", "float16", "int8"] = "float32"
    plain: bool = False
    calib: Path | None = None
    labels: Path | None = None
    images: Path | None = None
    skeleton: str | None = None
    size: tuple[int, int] | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of it: the files, the proof, and what of the network stayed in float (int8)."""

    files: list[Path]
    card: Card
    proof: "Proof"
    kept_float: list[str]


def export_model(model: str, order: Order, *, say: Callable[[str], None] = lambda text: None) -> Exported:
    """Export one model.

    Args:
        model: a name of the zoo, or a file: `.pth`, `.safetensors`, `.onnx`.
        say: told what is going on.

    Raises:
        RtmError: the result is beyond tolerance; nothing is kept then unless `order.force`.
        MissingError, DataError, UsageError: as `load_network` and the target's own.
    """
    _check(order)
    _need("torch", *(("onnx", "onnxscript") if order.target != "ncnn" else ("ncnn",)))
    source = find_source(model)
    from rtmcli.networks.load import load_network

    network, card = load_network(source, skeleton=order.skeleton, input_size=order.size)
    plain = order.plain or order.target == "ncnn" or card.family == "rtmw3d"
    card = replace(card, contract="plain" if plain else "deploy")
    target = _target(order, card)
    if target.resolve() == source.resolve():
        raise UsageError(f"{target} is the model itself; name another file with -o")
    with TemporaryDirectory(prefix=".rtm-export-", dir=target.parent) as folder:
        files, kept = _write(network, card, order, Path(folder) / target.name, say)
        say("comparing with torch")
        proof = _prove(network, card, order, files[-1])
        if proof.fault is not None and not order.force:
            raise RtmError(
                f"{model} as {order.target} in {order.precision}: {proof.fault}; nothing is kept "
                "(--force keeps it all the same)"
            )
        finished = [file.replace(target.parent / file.name) for file in files]
    return Exported(finished, card, proof, kept)


def find_source(model: str) -> Path:
    """The file of a model; a published one that is here as a checkpoint alone is found too."""
    try:
        return find_model(model)
    except MissingError:
        from rtmcli.zoo.install import installed_path
        from rtmcli.zoo.names import find_entry

        entry = find_entry(model)
        if entry is None or not installed_path(entry.name, "pth").is_file():
            raise
        return installed_path(entry.name, "pth")


def reference_engine(network: "nn.Module", card: Card) -> Any:
    """The torch network in float32 under a card's contract: what every export is held to."""
    import torch

    from rtmcli.engines.torch import TorchEngine
    from rtmcli.networks.fold import fold_batchnorm
    from rtmcli.networks.graphs import build_graph

    graph = build_graph(fold_batchnorm(network), card)
    return TorchEngine(
        graph, card, device=torch.device("cpu"), precision="float32", threads=torch.get_num_threads()
    )


def _check(order: Order) -> None:
    if order.precision == "int8" and order.calib is None:
        raise UsageError("--int8 measures the range of every layer on real pictures; give --calib DIR")
    if order.calib is not None and order.precision != "int8":
        raise UsageError("--calib is for --int8 alone; leave it out")
    if order.precision == "int8" and order.target in ("ncnn", "torchscript"):
        raise UsageError(f"{order.target} has no int8 here; use --to onnx, or --fp16")
    if order.labels is not None and order.images is None:
        raise UsageError("--eval needs --images: the folder of the labelled pictures")


def _need(*packages: str) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingError(f"this export needs {' and '.join(missing)}: pip install 'rtmcli[export,ncnn]'")


def _target(order: Order, card: Card) -> Path:
    """The main file to write."""
    suffix = SUFFIX[order.target]
    tail = {"float32": "", "float16": "-fp16", "int8": "-int8"}[order.precision]
    out = order.out if order.out is not None else Path()
    if out.suffix != suffix:
        if out.suffix and not out.is_dir():
            raise UsageError(f"{out}: {order.target} files end in {suffix}")
        if not out.is_dir():
            raise UsageError(f"{out}: no such folder; make it first, or name a file that ends in {suffix}")
        kind = ".ncnn" if order.target == "ncnn" else ""  # its .bin would take the place of OpenVINO's
        out = out / f"{card.name}{tail}{kind}{suffix}"
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent}: no such folder; make it first")
    other = {".xml": ".param", ".param": ".xml"}.get(suffix)
    if other is not None and out.with_suffix(other).is_file():
        raise UsageError(
            f"{out}: {out.with_suffix(other).name} beside it keeps its weights in {out.stem}.bin too; give another name"
        )
    return out


def _write(
    network: "nn.Module", card: Card, order: Order, path: Path, say: Callable[[str], None]
) -> tuple[list[Path], list[str]]:
    """The files of the target under `path`, the main one last, and what int8 left in float."""
    half, kept = order.precision == "float16", list[str]()
    say(f"writing {order.target}")
    if order.target == "ncnn":
        from rtmcli.export.ncnn import export_ncnn

        return export_ncnn(network, card, path, half=half), kept
    if order.target == "torchscript":
        from rtmcli.export.torchscript import export_torchscript

        return export_torchscript(network, card, path, half=half), kept
    from rtmcli.export.onnx import export_onnx

    exact = path if order.target == "onnx" and order.precision != "int8" else path.with_name("exact.onnx")
    export_onnx(network, card, exact, half=half and order.target == "onnx")
    if order.precision == "int8":
        from rtmcli.export.onnx_int8 import quantise

        assert order.calib is not None
        whole = path if order.target == "onnx" else path.with_name("int8.onnx")
        kept = quantise(
            exact, card, whole, reference=reference_engine(network, card), pictures=order.calib,
            accuracy=_accuracy(network, card, order), symmetric=order.target == "tensorrt", say=say,
        )  # fmt: skip
        exact = whole
    if order.target == "openvino":
        from rtmcli.export.openvino import export_openvino

        return export_openvino(exact, card, path, half=half), kept
    if order.target == "tensorrt":
        from rtmcli.engines.tensorrt import build_file

        return [build_file(exact, path, precision=order.precision)], kept
    return [path], kept


def _prove(network: "nn.Module", card: Card, order: Order, file: Path) -> "Proof":
    from rtmcli.export.parity_check import compare, sample_pictures

    device = "cuda" if order.target == "tensorrt" else "cpu"
    result = open_engine(file, engine=ENGINE[order.target], device=device)
    reference = reference_engine(network, card)
    proof = compare(reference, result, card, sample_pictures(order.images), precision=order.precision)
    if order.labels is None or order.images is None:
        return proof
    from rtmcli.export.accuracy import average_precision

    before = average_precision(reference, card, order.labels, order.images)
    return replace(
        proof, ap_before=before, ap_after=average_precision(result, card, order.labels, order.images)
    )


def _accuracy(network: "nn.Module", card: Card, order: Order) -> Callable[[Path], float] | None:
    """AP of a file, for int8 to settle what stays in float; None without labels."""
    if order.labels is None or order.images is None:
        return None
    from rtmcli.export.accuracy import average_precision

    labels, images = order.labels, order.images
    return lambda file: average_precision(open_engine(file), card, labels, images)
