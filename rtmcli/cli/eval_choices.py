"""The words that options of `rtm eval` take."""

from enum import StrEnum


class Metric(StrEnum):
    """What is computed."""

    AP = "ap"
    PCKH = "pckh"
    PCK = "pck"
    AUC = "auc"
    EPE = "epe"
    NME = "nme"
    MPJPE = "mpjpe"
    PA_MPJPE = "pa-mpjpe"
    N_MPJPE = "n-mpjpe"


class Rank(StrEnum):
    """What ranks people."""

    BOX = "box"
    BOX_KEYPOINT = "box-keypoint"


class Area(StrEnum):
    """What sizes people in the OKS."""

    MASK = "mask"
    BOX = "box"


class Unmatched(StrEnum):
    """What to do with records of images that have no labels."""

    STOP = "stop"
    SKIP = "skip"
