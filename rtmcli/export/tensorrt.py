"""An ONNX file of ours to a TensorRT engine for the GPU of this machine."""

from pathlib import Path

from rtmcli.engines.tensorrt import build_file


def export_tensorrt(onnx_file: Path, path: Path, *, precision: str) -> list[Path]:
    """Write NAME.engine with the ONNX file's card in front; errors as for `build_file`.

    Args:
        onnx_file: what `export_onnx` (or `quantise`) wrote.
        path: NAME.engine; its folder must exist.
        precision: float32, float16 or int8, in which TensorRT computes.

    Returns:
        the file written.
    """
    return [build_file(onnx_file, path, precision=precision)]
