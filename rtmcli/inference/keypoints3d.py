"""RTMW3D's points in space: metres, relative to the root, from a network that gives pixels and depth."""

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.codecs.simcc3d import DEFAULT_FOCAL, Volume, to_camera
from rtmcli.zoo.card import Card


def volume_of(card: Card) -> Volume:
    """The codec's numbers, the published ones where the card leaves them out."""
    codec, usual = card.codec, Volume()
    return Volume(
        size=(card.width, card.height, int(codec.get("depth", usual.size[2]))),
        ratio=float(codec.get("ratio", usual.ratio)),
        depth_range=float(codec.get("z_range", usual.depth_range)),
    )


def in_space(
    points: Float32Array, depth: Float32Array, scores: Float32Array, size: tuple[int, int], volume: Volume
) -> Float32Array:
    """Points in metres relative to the root, x to the right, y down, z away from the camera.

    The camera is not known: its focal length is that of the training data and its axis goes through the middle of
    the picture, and the root stands as far away as it did there on average. Relative to each other the points hardly
    depend on it.

    Args:
        points: (K, 2) in pixels of the picture; depth: (K,) metres from the root; scores: (K,).
        size: (W, H) of the picture.

    Returns:
        (K, 4): x, y, z, score.
    """
    pixels = np.concatenate([points, depth[:, None]], axis=-1)[None]  # (1, K, 3)
    center = (size[0] / 2, size[1] / 2)
    metres = to_camera(pixels, np.array([volume.mean_root]), focal=DEFAULT_FOCAL, center=center)[0]  # (K, 3)
    metres -= metres[list(volume.root)].mean(axis=0)
    return np.concatenate([metres, scores[:, None]], axis=-1, dtype=np.float32)
