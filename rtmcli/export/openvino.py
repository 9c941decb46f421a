"""An ONNX file of ours to OpenVINO's format: NAME.xml and NAME.bin, with the card inside."""

from pathlib import Path

from rtmcli.errors import DataError, MissingError
from rtmcli.zoo.card import METADATA_KEY, Card


def export_openvino(onnx_file: Path, card: Card, path: Path, *, half: bool = False) -> list[Path]:
    """Write NAME.xml and NAME.bin.

    Args:
        onnx_file: what `export_onnx` (or `quantise`) wrote.
        card: goes into the file's runtime information.
        path: NAME.xml; its folder must exist.
        half: store weights as float16; the precision of the computation is the engine's option.

    Returns:
        the files written, NAME.xml last.

    Raises:
        MissingError: OpenVINO is not installed. DataError: it cannot read the ONNX file.
    """
    try:
        import openvino
    except ImportError:
        raise MissingError("openvino is not installed; pip install 'rtmcli[openvino]'") from None
    try:
        model = openvino.convert_model(str(onnx_file))
    except RuntimeError as error:
        raise DataError(
            f"{onnx_file}: openvino cannot read this model: {str(error).splitlines()[0]}"
        ) from None
    model.set_rt_info(card.to_json(), METADATA_KEY)
    openvino.save_model(model, str(path), compress_to_fp16=half)
    return [path.with_suffix(".bin"), path]
