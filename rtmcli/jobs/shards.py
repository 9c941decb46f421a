"""Which units are a shard's: a pure function of the sorted list of units."""

import heapq
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rtmcli.errors import UsageError
from rtmcli.jobs.unit import Unit


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard `number` (from 1) of `count`."""

    number: int
    count: int


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """`3/16`, or `slurm`: the task of a Slurm job array, from its environment variables.

    Raises:
        UsageError: neither; a number outside 1 to the count; no array, or one with gaps.
    """
    if text == "slurm":
        return _slurm_shard(environment)
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--shard {text!r}: expected a number and a count, from 1/16 to 16/16, or slurm")
    return Shard(int(match[1]), int(match[2]))


def units_of_shard(units: Sequence[Unit], shard: Shard) -> list[Unit]:
    """The units of a shard, in the order of the list.

    The longest unit goes to the shard with the least work so far, and so on: the difference between two shards is at
    most the longest unit.
    """
    order = sorted(range(len(units)), key=lambda at: (-units[at].length, at))
    loads = [(0, number) for number in range(1, shard.count + 1)]
    own = []
    for at in order:
        load, number = heapq.heappop(loads)
        heapq.heappush(loads, (load + units[at].length, number))
        if number == shard.number:
            own.append(at)
    return [units[at] for at in sorted(own)]


def _slurm_shard(environment: Mapping[str, str]) -> Shard:
    try:
        task, least, most, count = (
            int(environment[f"SLURM_ARRAY_TASK_{name}"]) for name in ("ID", "MIN", "MAX", "COUNT")
        )
    except (KeyError, ValueError):
        raise UsageError(
            "--shard slurm: no job array in the environment (SLURM_ARRAY_TASK_ID); submit with sbatch --array=1-16, or "
            "name the shard: --shard 3/16"
        ) from None
    step = int(environment.get("SLURM_ARRAY_TASK_STEP", "1"))
    if count != (most - least) // step + 1:
        raise UsageError(
            "--shard slurm: the array has gaps, so the number of shards is unknown; name it: "
            "--shard $SLURM_ARRAY_TASK_ID/16"
        )
    return Shard((task - least) // step + 1, count)
