"""`rtm export`: any model to a file for one runtime, checked against torch before it is kept."""

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

    from rtmcli.export.parity_check import Parity

Target = Literal["onnx", "openvino", "ncnn", "tensorrt", "torchscript"]
SUFFIX: dict[Target, str] = {
    "onnx": ".onnx", "openvino": ".xml", "ncnn": ".param", "tensorrt": ".engine", "torchscript": ".pt"
}  # fmt: skip
ENGINE: dict[Target, str] = {
    "onnx": "onnxruntime", "openvino": "openvino", "ncnn": "ncnn", "tensorrt": "tensorrt", "torchscript": "torch"
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What to export and how to check it.

    Attributes:
        target: the runtime.
        out: a file, or a folder for NAME with the target's suffix; None is the current folder.
        precision: float32, float16 (stored, and for tensorrt and torchscript also computed) or int8.
        plain: the official contract instead of deploy.
        calib: images to calibrate int8 with.
        labels, images: COCO labels and their images, for AP before and after; `images` alone are the images of the
            check.
        skeleton, size: what a file without a card does not say; size is (width, height).
        force: keep a file that fails the check.

    Example:
        from pathlib import Path

        from rtmcli import ExportOptions

        options = ExportOptions(target="openvino", out=Path("models"), precision="float16")
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
    """The result: the files, the differences from torch, and the layers that stayed in float (int8).

    Example:
        from pathlib import Path

        from rtmcli import ExportOptions, export_model

        exported = export_model("rtmpose-t", ExportOptions(target="onnx", out=Path("mine.onnx")))
        print(exported.files, exported.card.contract)
    """

    files: list[Path]
    card: Card
    parity: "Parity"
    kept_float: list[str]


def export_model(
    model: str, options: ExportOptions, *, say: Callable[[str], None] = lambda text: None
) -> Exported:
    """Export one model.

    Args:
        model: a name of the zoo, or a file: `.pth`, `.safetensors`, `.onnx`.
        say: called with the progress as text.

    Raises:
        RtmError: the result exceeds the tolerance; nothing is kept then unless `options.force`.
        MissingError, DataError, UsageError: as for `load_network` and the exporters.

    Example:
        from rtmcli import ExportOptions, export_model

        exported = export_model("rtmpose-t", ExportOptions(target="torchscript"))
        print(exported.files, exported.parity)
    """
    _check(options)
    _need("torch", *(("onnx", "onnxscript") if options.target != "ncnn" else ("ncnn",)))
    source = find_source(model)
    from rtmcli.networks.load import load_network

    network, card = load_network(source, skeleton=options.skeleton, input_size=options.size)
    plain = options.plain or options.target == "ncnn" or card.family == "rtmw3d"
    card = replace(card, contract="plain" if plain else "deploy")
    target = _target(options, card)
    if target.resolve() == source.resolve():
        raise UsageError(f"{target} is the input model itself; give another file with -o")
    with TemporaryDirectory(prefix=".rtm-export-", dir=target.parent) as folder:
        files, kept = _write(network, card, options, Path(folder) / target.name, say)
        say("comparing with torch")
        parity = _check_parity(network, card, options, files[-1])
        if parity.failure is not None and not options.force:
            raise RtmError(
                f"{model} as {options.target} in {options.precision}: {parity.failure}; nothing is kept "
                "(--force keeps it nevertheless)"
            )
        finished = [file.replace(target.parent / file.name) for file in files]
    return Exported(finished, card, parity, kept)


def find_source(model: str) -> Path:
    """The file of a model; also of one that is installed only as a checkpoint."""
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
    """The torch network in float32 under a card's contract, with which every export is compared."""
    import torch

    from rtmcli.engines.torch import TorchEngine
    from rtmcli.networks.fold import fold_batchnorm
    from rtmcli.networks.graphs import build_graph

    graph = build_graph(fold_batchnorm(network), card)
    return TorchEngine(
        graph, card, device=torch.device("cpu"), precision="float32", threads=torch.get_num_threads()
    )


def _check(options: ExportOptions) -> None:
    if options.precision == "int8" and options.calib is None:
        raise UsageError("--int8 measures the range of every layer on real images; give --calib DIR")
    if options.calib is not None and options.precision != "int8":
        raise UsageError("--calib has an effect only with --int8; leave it out")
    if options.precision == "int8" and options.target in ("ncnn", "torchscript"):
        raise UsageError(f"--int8 is not available for {options.target}; use --to onnx, or --fp16")
    if options.labels is not None and options.images is None:
        raise UsageError("--eval needs --images, the folder of the labelled images")


def _need(*packages: str) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingError(f"this export needs {', '.join(missing)}: pip install 'rtmcli[export,ncnn]'")


def _target(options: ExportOptions, card: Card) -> Path:
    """The main file to write."""
    suffix = SUFFIX[options.target]
    tail = {"float32": "", "float16": "-fp16", "int8": "-int8"}[options.precision]
    out = options.out if options.out is not None else Path()
    if out.suffix != suffix:
        if out.suffix and not out.is_dir():
            raise UsageError(f"{out}: the name of a {options.target} file must end in {suffix}")
        if not out.is_dir():
            raise UsageError(f"{out}: no such folder; create it first, or name a file that ends in {suffix}")
        # ncnn's .bin would replace OpenVINO's.
        kind = ".ncnn" if options.target == "ncnn" else ""
        out = out / f"{card.name}{tail}{kind}{suffix}"
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent}: no such folder; create it first")
    other = {".xml": ".param", ".param": ".xml"}.get(suffix)
    if other is not None and out.with_suffix(other).is_file():
        raise UsageError(
            f"{out}: {out.with_suffix(other).name} in the same folder stores its weights in {out.stem}.bin too; "
            "give another name"
        )
    return out


def _write(
    network: "nn.Module", card: Card, options: ExportOptions, path: Path, say: Callable[[str], None]
) -> tuple[list[Path], list[str]]:
    """Write the files of the target; returns them, the main one last, and the layers that int8 left in float."""
    half, kept = options.precision == "float16", list[str]()
    say(f"writing {options.target}")
    if options.target == "ncnn":
        from rtmcli.export.ncnn import export_ncnn

        return export_ncnn(network, card, path, half=half), kept
    if options.target == "torchscript":
        from rtmcli.export.torchscript import export_torchscript

        return export_torchscript(network, card, path, half=half), kept
    from rtmcli.export.onnx import export_onnx

    exact = path if options.target == "onnx" and options.precision != "int8" else path.with_name("exact.onnx")
    export_onnx(network, card, exact, half=half and options.target == "onnx")
    if options.precision == "int8":
        from rtmcli.export.onnx_int8 import quantise

        assert options.calib is not None
        whole = path if options.target == "onnx" else path.with_name("int8.onnx")
        kept = quantise(
            exact, card, whole, reference=reference_engine(network, card), images=options.calib,
            accuracy=_accuracy(network, card, options), symmetric=options.target == "tensorrt", say=say,
        )  # fmt: skip
        exact = whole
    if options.target == "openvino":
        from rtmcli.export.openvino import export_openvino

        return export_openvino(exact, card, path, half=half), kept
    if options.target == "tensorrt":
        from rtmcli.export.tensorrt import export_tensorrt

        return export_tensorrt(exact, path, precision=options.precision), kept
    return [path], kept


def _check_parity(network: "nn.Module", card: Card, options: ExportOptions, file: Path) -> "Parity":
    from rtmcli.export.parity_check import compare, sample_images

    device = "cuda" if options.target == "tensorrt" else "cpu"
    result = open_engine(file, engine=ENGINE[options.target], device=device)
    reference = reference_engine(network, card)
    parity = compare(reference, result, card, sample_images(options.images), precision=options.precision)
    if options.labels is None or options.images is None:
        return parity
    from rtmcli.export.accuracy import average_precision

    before = average_precision(reference, card, options.labels, options.images)
    return replace(
        parity, ap_before=before, ap_after=average_precision(result, card, options.labels, options.images)
    )


def _accuracy(network: "nn.Module", card: Card, options: ExportOptions) -> Callable[[Path], float] | None:
    """AP of a file, from which int8 decides what stays in float; None without labels."""
    if options.labels is None or options.images is None:
        return None
    from rtmcli.export.accuracy import average_precision

    labels, images = options.labels, options.images
    return lambda file: average_precision(open_engine(file), card, labels, images)
