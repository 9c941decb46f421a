"""`rtm export`: a model to the file format of a runtime."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rtmcli.cli.option_values import size_of
from rtmcli.errors import UsageError

if TYPE_CHECKING:
    from rtmcli.export.run import Exported


def main(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A name listed by 'rtm models', or a .pth, .safetensors or .onnx file."
        ),
    ],
    to: Annotated[
        Literal["onnx", "openvino", "ncnn", "tensorrt", "torchscript"],
        typer.Option("--to", help="The runtime to write for."),
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|FOLDER",
            help="File to write (here, named after the model).",
        ),
    ] = None,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Store weights as float16; TensorRT computes in it too.")
    ] = False,
    int8: Annotated[
        bool,
        typer.Option("--int8", help="Quantise convolutions to int8 where accuracy allows it; needs --calib."),
    ] = False,
    calib: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Images to calibrate int8 on, 20 to 200.")
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="The official contract: normalised planes in, raw outputs out.")
    ] = False,
    labels: Annotated[
        Path | None, typer.Option("--eval", metavar="COCO.json", help="Also compare AP before and after.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Images to compare on (default: the packaged clip); those of --eval."
        ),
    ] = None,
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model's skeleton, if its file does not say it.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="The model's input size, if its file does not say it: 192x256."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Keep a file that fails the check.")] = False,
) -> None:
    """Write a model for a runtime, and check it against torch.

    Real images are run in torch and in the new file. A table shows the distance of keypoints or boxes in pixels of the
    network's input. If it exceeds 0.1 px (float32) or 1 px (fp16, keypoints scored above 0.5) at the 99th percentile,
    the file is not kept. For int8 the limit is the similarity of the poses, or with --eval a loss of 0.01 AP; layers
    that lose more stay in float.

    Example:

      rtm export rtmpose-t --to openvino
      rtm export rtmpose-t --int8 --calib pictures/ -o fast.onnx
    """
    from functools import partial

    from rtmcli.export.run import ExportOptions, export_model
    from rtmcli.terminal.messages import say, say_on_terminal

    if fp16 and int8:
        raise UsageError("--fp16 and --int8 exclude each other; give one of them")

    options = ExportOptions(
        target=to, out=out, precision="int8" if int8 else "float16" if fp16 else "float32", plain=plain, calib=calib,
        labels=labels, images=images, skeleton=skeleton, size=size_of(size, "--size"), force=force,
    )  # fmt: skip
    done = export_model(model, options, say=partial(say_on_terminal, program="rtm export"))
    _show(done, to)
    if done.parity.failure is not None:
        say(f"kept with --force: {done.parity.failure}", program="rtm export")


def _show(done: "Exported", target: str) -> None:
    """Print a table on a terminal, else one JSON line."""
    from rtmcli.bench.table import show

    row: dict[str, Any] = {
        "file": str(done.files[-1]),
        "target": target,
        "contract": done.card.contract,
        **done.parity.to_dict(),
        "kept_float": done.kept_float,
    }
    columns = [
        ("file", "file"), ("", "what"), ("compared", "compared"), ("median px", "median"), ("p99", "p99"),
        ("worst", "worst"), ("score", "score"), ("limit", "tolerance"),
    ]  # fmt: skip
    if done.parity.ap_before is not None:
        columns += [("AP before", "ap_before"), ("AP after", "ap_after")]
    show([row], columns, f"{done.card.name}, {done.parity.precision}, against torch")
