"""What an instance has, for tests that know that it has it: the type allows None."""

from rtmcli import Instance
from rtmcli.arrays import Float32Array


def keypoints_of(one: Instance) -> Float32Array:
    """(K, 3)"""
    assert one.keypoints is not None
    return one.keypoints


def box_of(one: Instance) -> Float32Array:
    """(4,)"""
    assert one.box is not None
    return one.box
