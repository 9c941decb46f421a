"""Where the tracker expects people whom it has not seen for a while."""

import numpy as np

from rtmcli.tracking.motion import Tracks


def test_the_phase_of_a_stride_does_not_lead_the_expected_place_astray() -> None:
    """Walkers at 90 pixels a second whose boxes swing by 8 pixels, two strides a second, each in another phase."""
    phases = np.arange(24) / 24
    tracks, rows, poses = Tracks(), np.arange(24), np.zeros((3, 24, 0))
    for n in range(45):
        now = n / 30
        x = 90 * now + 8 * np.sin(2 * np.pi * (2 * now + phases))
        boxes = np.stack([x, np.zeros(24), np.full(24, 40.0), np.full(24, 100.0)])
        if n == 0:
            tracks.start(boxes, poses, rows, now)
        else:
            tracks.update(rows, tracks.predict(now), boxes, poses, rows, now)
        tracks.end_frame(now)
    tracks.end_frame(45 / 30)  # nobody found
    x, y, width, height = tracks.predict(44 / 30 + 0.8)
    assert np.array_equal([y, width, height], np.repeat([[0], [40], [100]], 24, axis=1))
    off = x - 90 * (44 / 30 + 0.8)
    # Velocities fade, so all are expected behind; the last step alone would put them up to 30 pixels off.
    assert -12 < off.mean() < -8
    assert np.abs(off).max() < 20
