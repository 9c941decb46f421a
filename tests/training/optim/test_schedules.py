"""Learning rates equal those of the reference trainings, iteration by iteration."""

import json
from pathlib import Path

import pytest
import torch

from rtmcli.training.optim.schedules import Schedule, flat_cosine, rtmo_phases

CASES = json.loads((Path(__file__).parents[2] / "goldens/lr_schedules.json").read_text())


def phases_of(case: dict) -> list:
    """Our phases for a golden's configuration, from the few numbers a recipe has."""
    kinds = [entry["type"] for entry in case["schedulers"]]
    common = {"lr": case["base_lr"], "epochs": case["max_epochs"], "per_epoch": case["iters_per_epoch"]}
    if kinds[0] == "QuadraticWarmupLR":
        return rtmo_phases(
            second=case["schedulers"][2]["begin"],
            last=case["max_epochs"] - case["schedulers"][4]["begin"],
            **common,
        )
    cosine = case["schedulers"][1]
    return flat_cosine(
        cosine_from=cosine["begin"],
        cosine_to=cosine["end"],
        floor=cosine["eta_min"] / case["base_lr"],
        **common,
    )


def rates(case: dict, multiplier: float) -> list[float]:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.AdamW([{"params": [weight], "lr": case["base_lr"] * multiplier}])
    schedule = Schedule(optimiser, phases_of(case))
    seen = []
    for _ in range(case["max_epochs"] * case["iters_per_epoch"]):
        seen.append(optimiser.param_groups[0]["lr"])
        schedule.step()
    return seen


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("key", "multiplier"), [("lr", 1.0), ("lr_group_mult_0.05", 0.05)])
def test_the_rate_of_every_iteration_is_the_reference_s(name: str, key: str, multiplier: float) -> None:
    case = CASES[name]
    seen = rates(case, multiplier)
    for iteration, rate in case.get(key, {}).items():
        assert seen[int(iteration)] == pytest.approx(rate, rel=1e-9), f"iteration {iteration}"


def test_a_schedule_goes_on_where_its_state_was_taken() -> None:
    case = CASES["rtmo-l_body7_600e"]
    weight = torch.nn.Parameter(torch.zeros(1))

    def fresh() -> tuple[torch.optim.Optimizer, Schedule]:
        optimiser = torch.optim.AdamW([{"params": [weight], "lr": case["base_lr"]}])
        return optimiser, Schedule(optimiser, phases_of(case))

    first, schedule = fresh()
    for _ in range(7100):
        schedule.step()
    second, resumed = fresh()
    resumed.load_state_dict(schedule.state_dict())
    for _ in range(300):
        assert first.param_groups[0]["lr"] == second.param_groups[0]["lr"]
        schedule.step()
        resumed.step()
