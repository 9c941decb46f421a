"""RTMW3D's keypoints in space: metres, relative to the root, from pixels and depth."""

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.codecs.simcc3d import DEFAULT_FOCAL, Volume, to_camera
from rtmcli.zoo.card import Card


def volume_of(card: Card) -> Volume:
    """The codec's parameters; those of the published models where the card does not give them."""
    codec, published = card.codec, Volume()
    return Volume(
        size=(card.width, card.height, int(codec.get("depth", published.size[2]))),
        ratio=float(codec.get("ratio", published.ratio)),
        depth_range=float(codec.get("z_range", published.depth_range)),
    )


def in_space(
    points: Float32Array, depth: Float32Array, scores: Float32Array, size: tuple[int, int], volume: Volume
) -> Float32Array:
    """Points in metres relative to the root, x to the right, y down, z away from the camera.

    The camera is not known. Its focal length and the distance of the root are assumed to be those of the training data
    on average, and its axis to go through the centre of the image. The points relative to each other hardly depend on
    these assumptions.

    Args:
        points: (K, 2) in pixels of the image; depth: (K,) metres from the root; scores: (K,).
        size: (W, H) of the image.

    Returns:
        (K, 4): x, y, z, score.
    """
    pixels = np.concatenate([points, depth[:, None]], axis=-1)[None]  # (1, K, 3)
    center = (size[0] / 2, size[1] / 2)
    metres = to_camera(pixels, np.array([volume.mean_root]), focal=DEFAULT_FOCAL, center=center)[0]  # (K, 3)
    metres -= metres[list(volume.root)].mean(axis=0)
    return np.concatenate([metres, scores[:, None]], axis=-1, dtype=np.float32)
