"""The key `appearance` of an instance: the colours of the clothes, 24 integers.

12 bins for the torso, then 12 for the legs. Of each 12, six are hues (red, yellow, green, cyan, blue, magenta) and six
are grey levels from black to white; a number is the percentage of the part's pixels in that bin. A part that was not
seen is 12 zeros. `rtm pose --appearance` writes it (`rtmcli.inference.appearance`).
"""

import numpy as np

from rtmcli.arrays import Float64Array

KEY = "appearance"
PARTS = 2  # torso, legs
HUES, GREYS = 6, 6
BINS = HUES + GREYS
LENGTH = PARTS * BINS


def appearance_of(value: object) -> Float64Array | None:
    """(LENGTH,) shares of the bins, which sum to 1 in each part, from a record's value; NaN in a part not seen.

    None where nothing was seen. Raises ValueError that says what was expected and what came.
    """
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != LENGTH:
        got = f"{len(value)} values" if isinstance(value, list) else f"{value!r}"[:40]
        raise ValueError(f"{KEY!r} must be {LENGTH} numbers from 0 to 100, got {got}")
    wrong = [n for n in value if type(n) not in (int, float) or not 0 <= n <= 100]
    if wrong:
        raise ValueError(f"{KEY!r} must be {LENGTH} numbers from 0 to 100, got {wrong[0]!r:.40} among them")
    parts = np.array(value, np.float64).reshape(PARTS, BINS)
    total = parts.sum(axis=1, keepdims=True)
    if not total.any():
        return None
    shares = np.divide(parts, total, out=np.full_like(parts, np.nan), where=total > 0)
    return np.asarray(shares.reshape(LENGTH))
