"""int8 by ONNX Runtime's static quantisation, with sensitive layers left in float.

Only convolutions are quantised (QDQ, one scale per channel for weights). The matrices of the SimCC head and of the
attention stay in float, and so do the first convolution and the prediction layers, whose range is that of pixels or
logits. If the result differs too much, each group of layers is measured alone and the worst return to float, one after
the other, until it is close enough.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx

from rtmcli.engines import open_engine
from rtmcli.engines.base import Engine
from rtmcli.errors import RtmError
from rtmcli.export.parity_check import AP_LOSS, MIN_SIMILARITY, compare, sample_feeds, sample_images
from rtmcli.export.torch_trace import quietly
from rtmcli.zoo.card import Card

CALIBRATION_IMAGES, CALIBRATION_FEEDS = 64, 128
# Parts of the names of prediction layers; the first convolution is found by its position.
PREDICTING = (
    "final_layer",
    "rtm_cls",
    "rtm_reg",
    "rtm_obj",
    "multi_level_conv",
    "out_cls",
    "out_bbox",
    "out_kpt",
    "out_pose",
)


def quantise(
    source: Path,
    card: Card,
    path: Path,
    *,
    reference: Engine,
    images: Path,
    accuracy: Callable[[Path], float] | None = None,
    symmetric: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> list[str]:
    """Write an int8 copy of an ONNX file that `export_onnx` wrote.

    Args:
        source: what `export_onnx` wrote, in float32.
        reference: the torch network under the same contract.
        images: a folder or video to calibrate with and to compare on.
        accuracy: AP of a file; with it the copy may lose 0.01 AP, without it the similarity of the results decides.
        symmetric: int8 activations around 0, which TensorRT requires.

    Returns:
        the groups of layers that were left in float, in addition to those that always are.

    Raises:
        RtmError: no part of the network can be int8 within the limit.
    """
    groups = layer_groups(onnx.load(str(source), load_external_data=False))
    samples = sample_images(images, most=CALIBRATION_IMAGES)
    engine = open_engine(source)
    say(f"calibrating on {len(samples)} images")
    with TemporaryDirectory(prefix=".rtm-int8-", dir=path.parent) as folder:
        ranges = _ranges(
            source, sample_feeds(samples, engine, card, most=CALIBRATION_FEEDS), Path(folder), symmetric
        )
        exact_ap = accuracy(source) if accuracy is not None else None

        def attempt(names: Sequence[str]) -> float:
            """Write the groups `names` as int8 and return the similarity."""
            nodes = [node for name in names for node in groups[name]]
            _write(source, path, nodes, ranges, symmetric=symmetric)
            return compare(
                reference, open_engine(path), card, samples[:: max(1, len(samples) // 12)]
            ).similarity

        def close_enough(similarity: float) -> bool:
            if accuracy is None or exact_ap is None:
                return similarity >= MIN_SIMILARITY
            return exact_ap - accuracy(path) <= AP_LOSS["int8"]

        if close_enough(attempt(list(groups))):
            return []
        say(f"the difference is too large; measuring {len(groups)} groups of layers")
        alone = {name: attempt([name]) for name in groups}
        worst_first = sorted(alone, key=lambda name: alone[name])
        for count in range(1, len(worst_first)):
            left = worst_first[count:]
            if close_enough(attempt(left)):
                return sorted(worst_first[:count])
    path.unlink(missing_ok=True)
    raise RtmError(f"{card.name}: every int8 version exceeds the limits; use --fp16 or float32")


def layer_groups(model: onnx.ModelProto) -> dict[str, list[str]]:
    """Names of the convolutions that may be quantised, by the stage of the network they belong to.

    Nodes of the model get their names here where they have none.
    """
    groups: dict[str, list[str]] = {}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    for node in convolutions[1:]:
        weight = node.input[1].removeprefix("network.")
        if any(word in weight for word in PREDICTING):
            continue
        groups.setdefault(".".join(weight.split(".")[:2]), []).append(node.name)
    return groups


def _ranges(source: Path, feeds: Sequence[Any], folder: Path, symmetric: bool) -> Any:
    """The range of every activation over all feeds."""
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization.calibrate import CalibrationDataReader, create_calibrator

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self._left: Iterator[Any] = iter(feeds)

        def get_next(self) -> Any:
            return next(self._left, None)

    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # errors only
    with quietly():
        calibrator = create_calibrator(
            source, ["Conv"], augmented_model_path=str(folder / "augmented.onnx"),
            calibrate_method=CalibrationMethod.MinMax, extra_options={"symmetric": symmetric},
        )  # fmt: skip
        calibrator.collect_data(Reader())
        return calibrator.compute_data()


def _write(source: Path, path: Path, nodes: Sequence[str], ranges: Any, *, symmetric: bool) -> None:
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import load_model_with_shape_infer

    with quietly():
        model = load_model_with_shape_infer(source)
        card = {prop.key: prop.value for prop in model.metadata_props}
        quantizer = QDQQuantizer(
            model, True, False, QuantType.QInt8, QuantType.QInt8 if symmetric else QuantType.QUInt8, ranges,
            list(nodes), [], ["Conv"], {"ActivationSymmetric": symmetric, "WeightSymmetric": True},
        )  # fmt: skip
        quantizer.quantize_model()
        written = quantizer.model.model
        onnx.helper.set_model_props(written, card)
        onnx.save(written, str(path))
