"""The pixels each family of networks takes, as its official training configurations set them."""

from typing import Literal, TypedDict


class Pixels(TypedDict):
    """Normalisation of a network's input: (x - mean) / std, in 0..255 and in the channel order `color`."""

    color: Literal["rgb", "bgr"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


# The statistics of ImageNet. mmpose's top-down models convert their crops to RGB; mmdet's RTMDet takes BGR.
IMAGENET_RGB: Pixels = {
    "color": "rgb",
    "mean": (123.675, 116.28, 103.53),
    "std": (58.395, 57.12, 57.375),
}
IMAGENET_BGR: Pixels = {
    "color": "bgr",
    "mean": (103.53, 116.28, 123.675),
    "std": (57.375, 57.12, 58.395),
}
# YOLOX and RTMO take the grey levels as they are.
RAW_BGR: Pixels = {"color": "bgr", "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}

FAMILY_PIXELS = {
    "rtmpose": IMAGENET_RGB,
    "rtmw": IMAGENET_RGB,
    "rtmw3d": IMAGENET_RGB,
    "cspnext": IMAGENET_RGB,
    "rtmdet": IMAGENET_BGR,
    "yolox": RAW_BGR,
    "rtmo": RAW_BGR,
}
