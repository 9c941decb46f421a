"""The smoother's defaults, apart from it so that `rtm smooth --help` need not load it."""

# Found on a filmed dancer (545 frames, 30 a second): the second difference of sure points falls by 43 %, the wrists lag
# 0.4 frames where they are fastest.
MIN_CUTOFF = 1.5  # hertz
BETA = 8.0  # hertz for each body size a second
D_CUTOFF = 1.5  # hertz

# Offline low-pass, usual for gait (Winter, "Biomechanics and Motor Control of Human Movement", 2009, section 3.4.4).
CUTOFF = 6.0  # hertz
