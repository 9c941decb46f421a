"""The publishers' own latencies, printed next to measurements; from other machines, so they are not comparable."""

from collections.abc import Iterator
from typing import Any

from rtmcli.zoo.catalogue import published_benchmark, published_pipelines
from rtmcli.zoo.names import find_entry

NOTE = "published for other machines: context, not a comparison"
MACHINES = {
    "ort_cpu_i7_11700": "ONNX Runtime, i7-11700",
    "trt_fp16_gtx1660ti": "TensorRT fp16, GTX 1660 Ti",
    "trt_fp16_rtx3090": "TensorRT fp16, RTX 3090",
    "ncnn_fp16_sd865": "ncnn fp16, Snapdragon 865",
    "trt_fp16_agx_orin": "TensorRT fp16, AGX Orin",
    "trt_fp16_orin_nx": "TensorRT fp16, Orin NX",
}


def published_rows() -> Iterator[dict[str, Any]]:
    """Networks alone, then pairs of networks as pipelines (RTMPose, tables 10 to 12), as the publisher gives them."""
    for name, latency in published_benchmark().items():
        yield {"published": name, "ms": latency, "note": NOTE}
    for pair in published_pipelines():
        name = f"{pair['detector']} + {pair['pose']}"
        yield {"published": name, "ms": pair["latency"], "note": NOTE}


def beside(row: dict[str, Any]) -> dict[str, Any]:
    """A measured row with the publisher's latencies of the same network, if there are any."""
    entry = find_entry(str(row.get("name", "")))
    if entry is None or not entry.latency:
        return row
    return {**row, "published_ms": entry.latency, "published_note": NOTE}
