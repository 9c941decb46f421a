"""Telemetry of the runtimes is off: nothing is sent, and nothing is written into the home folder, without being asked.

ONNX Runtime 1.29 and later writes a device id to ~/.cache/Microsoft and reports sessions to its vendor. OpenVINO's
model conversion reports to its vendor and writes an id to ~/intel, through the package openvino_telemetry.
"""

import os
import sys


def switch_off() -> None:
    """Call before the first import of onnxruntime or openvino. A value that the user has set stays."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # None makes the import fail: OpenVINO then takes its own stub, as where the package is not installed. The type of
    # sys.modules does not have it.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
