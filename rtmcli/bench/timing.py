"""Timing a call: once, or by the papers' protocol of 50 warm-up and 200 counted runs (RTMPose, section 4.4)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

WARMUP, RUNS = 50, 200


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall-clock milliseconds of one call, over all counted runs."""

    mean: float
    p50: float
    p95: float
    p99: float
    runs: int


def measure(call: Callable[[], object], *, warmup: int = WARMUP, runs: int = RUNS) -> Timing:
    """Call `warmup` times uncounted, then `runs` times, each timed."""
    for _ in range(warmup):
        call()
    laps = np.empty(runs)
    for i in range(runs):
        start = time.perf_counter_ns()
        call()
        laps[i] = time.perf_counter_ns() - start
    laps /= 1e6
    p50, p95, p99 = np.percentile(laps, (50, 95, 99))
    return Timing(mean=float(laps.mean()), p50=float(p50), p95=float(p95), p99=float(p99), runs=runs)


@dataclass(frozen=True, slots=True)
class Lap:
    """Seconds of wall clock, and of CPU time in all threads of this process."""

    wall: float
    cpu: float


def lap(call: Callable[[], object]) -> Lap:
    """Call once."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Lap(time.perf_counter() - wall, time.process_time() - cpu)
