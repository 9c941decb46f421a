"""The One-Euro filter, exact to the reference's numbers in every variant."""

from pathlib import Path

import numpy as np
import pytest

from rtmcli.filters import OneEuro
from rtmcli.filters.one_euro import Variant

CASES = [
    (kind, variant, row) for kind in ("y", "yfix") for variant in ("filtered", "raw") for row in range(5)
]


@pytest.fixture(scope="module")
def golden(goldens: Path) -> dict[str, np.ndarray]:
    with np.load(goldens / "one_euro.npz") as data:
        return dict(data)


@pytest.mark.parametrize(("kind", "variant", "row"), CASES)
def test_the_filter_equals_the_reference(
    golden: dict[str, np.ndarray], kind: str, variant: Variant, row: int
) -> None:
    key = f"{kind}_{variant}_prev_{row}"
    if key not in golden:
        assert (kind, variant) == ("yfix", "raw")  # the reference has no such run
        return
    min_cutoff, beta, d_cutoff = golden["params_mincutoff_beta_dcutoff"][row]
    times = golden["t" if kind == "y" else "t_fixed30"]
    one_euro = OneEuro(min_cutoff=min_cutoff, beta=beta, d_cutoff=d_cutoff, variant=variant)
    steps = np.diff(times, prepend=times[0] - 1)
    filtered = np.array([one_euro(x, dt) for x, dt in zip(golden["x"], steps, strict=True)])
    np.testing.assert_allclose(filtered, golden[key], rtol=0, atol=1e-9)


def test_the_trackers_form_with_one_speed_equals_the_reference(golden: dict[str, np.ndarray]) -> None:
    one_euro = OneEuro(min_cutoff=1, beta=0.007, d_cutoff=1, variant="norm")
    filtered = np.array([one_euro(point, 1.0) for point in golden["sdk_xy"]])
    np.testing.assert_allclose(filtered, golden["sdk_out_0.007_1_1"], rtol=0, atol=1e-9)


def test_a_unit_makes_beta_free_of_scale() -> None:
    rng = np.random.default_rng(0)
    path = rng.normal(size=(50, 2)).cumsum(axis=0)
    small, large = OneEuro(beta=2.0, variant="norm"), OneEuro(beta=2.0, variant="norm")
    for point in path:
        np.testing.assert_allclose(large(point * 8, 0.03, unit=8.0), small(point, 0.03) * 8)


def test_a_weight_of_zero_holds_the_value_and_one_follows() -> None:
    held, free = OneEuro(), OneEuro()
    for one_euro in (held, free):
        one_euro(np.zeros(2), 0.1)
    assert (held(np.ones(2), 0.1, weight=0.0) == 0).all()
    assert (free(np.ones(2), 0.1) > 0).all()
