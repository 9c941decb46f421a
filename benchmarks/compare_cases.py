"""What benchmarks/compare_installs.py runs: every verb with several of its options.

A case is a command line. `{name}` in an argument or in `stdin` is a file that the first installation made in advance
(compare_inputs.prepared), so that both installations read the same input.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compare_inputs import Data


@dataclass(frozen=True, slots=True)
class Case:
    """One command line.

    Attributes:
        arguments: what follows `rtm`.
        stdin: the file on standard input, empty without.
        timed: standard output and logs have measured times; JSON is compared by its keys and the types of its values.
    """

    arguments: tuple[str, ...]
    stdin: str = ""
    timed: bool = False

    @property
    def verb(self) -> str:
        return self.arguments[0]

    @property
    def finds_people(self) -> bool:
        """Whether a detector looks for people: neither --boxes nor records on standard input give them."""
        return "--boxes" not in self.arguments and len(self.arguments) > 1 and self.arguments[1][:2] != "--"


def cases(data: Data) -> Iterator[Case]:
    """All cases, verb by verb."""
    yield from _detect(data)
    yield from _pose(data)
    yield from _filters(data)
    yield from _draw()
    yield from _convert(data)
    yield from _eval(data)
    yield from _train(data)
    yield from _export_and_bench(data)
    yield from _models_and_schema(data)
    yield from _mistakes()


def case(*arguments: str, stdin: str = "", timed: bool = False) -> Case:
    return Case(arguments, stdin, timed)


def _detect(data: Data) -> Iterator[Case]:
    few, clip = data.images[:4], data.clips[0]
    yield case("detect", *data.images)
    for clip_of_all in data.clips:
        yield case("detect", clip_of_all, "--max-frames", "8")
    yield case("detect", *few, "--score", "0.5", "--nms", "0.3")
    yield case("detect", *few, "--score", "0.05", "--classes", "all")
    yield case("detect", "demo", "--every", "3", "--start", "0.5", "--end", "1.5")
    yield case("detect", str(Path(few[0]).parent), "--fps", "10")
    yield case("detect", "-", "--max-frames", "5", stdin=clip)
    yield case("detect", few[0], "--draw", "drawn.png")
    yield case("detect", clip, "--max-frames", "4", "--jobs", "2", "--threads", "1", "-q")


def _pose(data: Data) -> Iterator[Case]:
    few = data.images[:4]
    yield case("pose", *data.images)
    for clip in data.clips:
        yield case("pose", clip, "--max-frames", "8", "--on-error", "skip")
    for clip in data.clips[:3]:
        yield case("pose", clip, "--max-frames", "20", "--det-every", "5", "--track")
    for more in (
        ("--flip-test",),
        ("--score", "0.5", "--nms", "0.5"),
        ("--engine", "openvino"),
        ("--engine", "openvino", "--precision", "bfloat16"),
        ("--engine", "torch"),
        ("--batch-frames", "4", "--jobs", "1"),
        ("--model", "rtmpose-t", "--detector", "rtmdet-nano"),
        ("--draw", "drawn"),
    ):
        yield case("pose", *few, *more)
    yield case("pose", str(Path(few[0]).parent), "--fps", "25", "--det-every", "2")
    yield case("pose", *data.clips[:2], "--max-frames", "12", "--det-every", "3", "--jobs", "2")
    yield case("pose", "demo", "--every", "2", "--start", "0:00.4", "--draw", "drawn.mp4")
    yield case("pose", "demo", "--max-frames", "10", "--draw", "drawn.gif")
    yield case("pose", "-", "--max-frames", "6", stdin=data.clips[0])
    yield case("pose", stdin="{boxes}")
    yield case("pose", "--media", data.clips[0], stdin="{clips}")
    if data.labels:
        yield case("pose", *data.labelled[:10], "--boxes", data.labels[0])


def _filters(data: Data) -> Iterator[Case]:
    for records in ("{demo}", "{clips}", "{poses}", *data.records):
        yield case("track", records)
        yield case("smooth", records)
        yield case("nms", records)
    for more in (
        ("--method", "oks"),
        ("--threshold", "0.6"),
        ("--max-gap", "0.1"),
        ("--method", "oks", "--threshold", "0.1", "--max-gap", "3"),
    ):
        yield case("track", *more, stdin="{clips}")
    for more in (
        ("--min-cutoff", "0.5", "--beta", "1"),
        ("--d-cutoff", "3", "--max-gap", "0.2"),
        ("--filter", "oneeuro"),
    ):
        yield case("smooth", *more, stdin="{clips}")
    for more in (("--oks", "0.5"), ("--oks", "0.1", "--skeleton", "coco17")):
        yield case("nms", *more, stdin="{poses}")


def _draw() -> Iterator[Case]:
    yield case("draw", "{demo}", "-o", "out.mp4")
    yield case("draw", "{demo}", "-o", "out.gif", "--no-ids")
    yield case("draw", "{demo}", "-o", "out.m4v", "--media", "demo", "--min-score", "0.6")
    yield case("draw", "{clips}", "-o", "frames", "--no-boxes")
    yield case("draw", "{poses}", "-o", "images", "--skeleton", "coco17", "--min-score", "0")
    yield case("draw", "-o", "out.mp4", "--fps", "5", stdin="{poses}")


def _convert(data: Data) -> Iterator[Case]:
    for form in ("coco", "csv", "mmpose", "records"):
        yield case("convert", "{demo}", "--to", form)
        yield case("convert", "{poses}", "--to", form, "-o", f"out.{form}")
    yield case("convert", "{demo}", "--to", "openpose", "-o", "folder")
    yield case("convert", "{clips}", "--to", "openpose", "-o", "folder", "--skeleton", "openpose25")
    for skeleton in ("halpe26", "openpose18", "openpose25", "coco133", "h36m17", "mpii16", "crowdpose14"):
        yield case("convert", "--skeleton", skeleton, stdin="{poses}")
    for form in ("csv", "mmpose"):
        yield case("convert", f"{{{form}}}", "--from", form, "--source-skeleton", "coco17")
    yield case("convert", "{poses}", "--boxes-from", "face,lefthand")
    yield case("convert", "{poses}", "--boxes-from", "body")
    if data.labels:
        yield case("convert", data.labels[0], "--from", "coco", "--to", "csv")
        yield case("convert", "{truth_poses}", "--to", "coco", "--labels", data.labels[0])
        yield case("convert", "{coco}", "--from", "coco", "--labels", data.labels[0])
    if data.whole_body:
        yield case("convert", "{whole}", "--boxes-from", "lefthand,righthand,face")
        yield case("convert", "{whole}", "--merge", "{hands}")
        yield case("convert", "{whole}", "--to", "coco")
        yield case("convert", "{whole}", "--skeleton", "openpose134", "--to", "openpose", "-o", "folder")


def _eval(data: Data) -> Iterator[Case]:
    for truth, results in data.results:
        yield case("eval", truth, results)
        yield case("eval", truth, results, "--area", "box")
    if not data.labels:
        return
    truth = data.labels[0]
    for more in (
        (),
        ("--rank", "box"),
        ("--oks-nms", "none"),
        ("--oks-nms", "0.5", "--rank", "box-keypoint"),
        ("--boxes",),
        ("--where", "complete_person_annotations"),
        ("--area", "box"),
        ("--per-image",),
        ("--skeleton", "coco17"),
        ("--plot", "curves.png"),
    ):
        yield case("eval", truth, *more, stdin="{truth_poses}")
    yield case("eval", truth, "--unmatched", "skip", stdin="{clips}")


def _train(data: Data) -> Iterator[Case]:
    if not data.labels:
        return
    given = ("--data", data.labels[0], "--images", data.labels[1])
    tiny = ("--set", "width=64", "--set", "height=64", "--set", "batch=8", "--set", "epochs=1")
    short = ("--out", "run", "--every", "5", "--ratio", "0.03", "--workers", "0")
    yield case("train", "rtmpose-t", *given, "--check")
    yield case("train", "rtmpose-t", *given, *tiny, "--show-batch", "batch.png")
    yield case("train", "rtmdet-nano", *given, "--set", "batch=4", "--show-batch", "batch.png")
    yield case("train", "rtmpose-t", *given, *tiny, *short, timed=True)
    yield case("train", "rtmpose-t", *given, *tiny, *short, "--freeze", "backbone", timed=True)


def _export_and_bench(data: Data) -> Iterator[Case]:
    images = ("--images", str(Path(data.images[0]).parent)) if data.images else ()
    for more, name in (
        (("--to", "onnx"), "exported.onnx"),
        (("--plain",), "plain.onnx"),
        (("--fp16",), "half.onnx"),
        (("--to", "openvino"), "exported.xml"),
        (("--to", "torchscript"), "exported.pt"),
        (("--to", "ncnn"), "exported.param"),
    ):
        yield case("export", "rtmpose-t", *more, "-o", name, timed=True)
    yield case("export", "rtmdet-nano", "-o", "exported.onnx", *images, timed=True)
    quick = ("--warmup", "1", "--runs", "2")
    yield case("bench", *quick, timed=True)
    yield case("bench", *quick, "--models", "rtmpose-t", "--batch", "1,2", "--published", timed=True)
    yield case("bench", "--pipeline", "demo", "--frames", "5", timed=True)
    yield case("bench", "--people", "1,2", "--runs", "2", "--plot", "cost.png", timed=True)


def _models_and_schema(data: Data) -> Iterator[Case]:
    yield case("models")
    for more in (
        ("--task", "wholebody"),
        ("--skeleton", "halpe26"),
        ("--max-ms", "10"),
        ("--task", "detector"),
    ):
        yield case("models", *more)
    for name in ("rtmpose-t", "rtmdet-nano", "rtmpose-m", "rtmo-s", "rtmw-l-coco133-256x192"):
        yield case("models", "show", name)
    yield case("models", "verify")
    yield case("models", "use", "rtmpose-t")
    yield case("schema")
    for records in ("{demo}", "{clips}", "{poses}", *data.records):
        yield case("schema", "--check", records)
    yield case("schema", "--check", "-", stdin="{boxes}")


def _mistakes() -> Iterator[Case]:
    yield case("poes", "demo")
    yield case("pose", "missing.mp4")
    yield case("pose", "demo", "--model", "rtmpose-mm")
    yield case("pose", "demo", "--model", "rtmpose-m")
    yield case("pose", "demo", "--engine", "tensorrt")
    yield case("pose", "demo", "--device", "cuda")
    yield case("pose", "demo", "--score", "2")
    yield case("detect", "demo", "--classes", "person,martian")
    yield case("track", "missing.jsonl")
    yield case("convert", "{poses}", "--skeleton", "coco71")
    yield case("convert", "{poses}", "--to", "openpose")
    yield case("eval", "missing.json")
    yield case("train", "rtmpose-q", "--data", "missing.json")
    yield case("export", "missing.pth")
    yield case("models", "show", "rtmpose")
    yield case("schema", "--check", "{csv}")
