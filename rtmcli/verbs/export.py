"""`rtm export`: a model to the file that a runtime wants."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rtmcli.cli.options import size_of
from rtmcli.errors import UsageError

if TYPE_CHECKING:
    from rtmcli.export.run import Exported


def main(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A name that 'rtm models' lists, a .pth, .safetensors or .onnx."
        ),
    ],
    to: Annotated[
        Literal["onnx", "openvino", "ncnn", "tensorrt", "torchscript"],
        typer.Option("--to", help="The runtime to write for."),
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE|FOLDER", help="Where to (here, by the model's name)."),
    ] = None,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Store weights as float16; TensorRT computes in it too.")
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="Whole numbers where they do no harm; needs --calib.")
    ] = False,
    calib: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Pictures to measure the layers' ranges on; 20 to 200.")
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="The official form: normalised planes in, raw outputs out.")
    ] = False,
    labels: Annotated[
        Path | None, typer.Option("--eval", metavar="COCO.json", help="Also compare AP before and after.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Pictures to compare on (the packaged clip); those of --eval."),
    ] = None,
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model's skeleton, where its file does not say it.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="The model's input, where its file does not say it: 192x256."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Keep a file that fails its proof.")] = False,
) -> None:
    """Write a model for a runtime, and prove that it still finds the same.

    Real pictures go through torch and through the new file: a table says how far apart keypoints or boxes are, in
    pixels of the network's input. Beyond 0.1 px (float32) or 1 px (fp16, keypoints scored above 0.5) at the 99th
    percentile nothing is kept. int8 is held to the similarity of the poses, or with --eval to one point of AP; layers
    that cost more stay in float.

    Example:

      rtm export rtmpose-t --to openvino
      rtm export rtmpose-t --int8 --calib pictures/ -o fast.onnx
    """
    import sys

    from rtmcli.export.run import Order, export_model
    from rtmcli.settings import current

    if fp16 and int8:
        raise UsageError("--fp16 and --int8 exclude each other; give one of them")

    def say(text: str) -> None:
        if not current().quiet and sys.stderr.isatty():
            print(f"rtm export: {text}", file=sys.stderr)

    order = Order(
        target=to, out=out, precision="int8" if int8 else "float16" if fp16 else "float32", plain=plain, calib=calib,
        labels=labels, images=images, skeleton=skeleton, size=size_of(size, "--size"), force=force,
    )  # fmt: skip
    done = export_model(model, order, say=say)
    _show(done, to)
    if done.proof.fault is not None:
        print(f"rtm export: kept all the same: {done.proof.fault}", file=sys.stderr)


def _show(done: "Exported", target: str) -> None:
    """A table where a person looks, else one JSON line."""
    from rtmcli.bench.table import show

    row: dict[str, Any] = {
        "file": str(done.files[-1]),
        "target": target,
        "contract": done.card.contract,
        **done.proof.to_dict(),
        "kept_float": done.kept_float,
    }
    columns = [
        ("file", "file"), ("", "what"), ("compared", "compared"), ("median px", "median"), ("p99", "p99"),
        ("worst", "worst"), ("score", "score"), ("limit", "tolerance"),
    ]  # fmt: skip
    if done.proof.ap_before is not None:
        columns += [("AP before", "ap_before"), ("AP after", "ap_after")]
    show([row], columns, f"{done.card.name}, {done.proof.precision}, against torch")
