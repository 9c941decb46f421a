"""Which units are a shard's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.errors import UsageError
from rtmcli.jobs.shards import Shard, parse_shard, units_of_shard
from rtmcli.jobs.unit import Unit


@settings(max_examples=25)
@given(st.lists(st.integers(1, 500), max_size=40), st.integers(1, 9))
def test_every_unit_is_in_one_shard_and_shards_differ_by_one_unit_at_most(
    lengths: list[int], count: int
) -> None:
    units = [Unit(source=f"s{at}", output=f"{at}", length=length) for at, length in enumerate(lengths)]
    shards = [units_of_shard(units, Shard(number, count)) for number in range(1, count + 1)]
    assert sorted(unit.output for shard in shards for unit in shard) == sorted(unit.output for unit in units)
    loads = [sum(unit.length for unit in shard) for shard in shards]
    assert max(loads) - min(loads) <= max(lengths, default=0)
    assert all(shard == [unit for unit in units if unit in shard] for shard in shards)


def test_a_shard_is_named_by_number_and_count_or_by_slurm() -> None:
    assert parse_shard("3/16") == Shard(3, 16)
    array = {"SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "12", "SLURM_ARRAY_TASK_COUNT": "4"}
    steps = {**array, "SLURM_ARRAY_TASK_STEP": "4", "SLURM_ARRAY_TASK_ID": "8"}
    assert parse_shard("slurm", steps) == Shard(3, 4)
    plain = {**array, "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": "4", "SLURM_ARRAY_TASK_ID": "4"}
    assert parse_shard("slurm", plain) == Shard(4, 4)


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/4", ""])
def test_a_shard_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        parse_shard(text)


def test_slurm_without_an_array_or_with_gaps_is_refused() -> None:
    with pytest.raises(UsageError, match="no job array in the environment"):
        parse_shard("slurm", {})
    gaps = {"SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_MAX": "7", "SLURM_ARRAY_TASK_COUNT": "2"}
    with pytest.raises(UsageError, match=r"the array has gaps.*--shard \$SLURM_ARRAY_TASK_ID/16"):
        parse_shard("slurm", {**gaps, "SLURM_ARRAY_TASK_ID": "3"})
