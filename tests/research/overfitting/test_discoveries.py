"""False discovery rates: the example of Benjamini and Hochberg, arithmetic, and SciPy beside ours."""

import numpy as np
import pytest
import scipy.stats

from backtester.errors import SettingsError
from backtester.research.overfitting import false_discovery_rate

#: Benjamini and Hochberg (1995): 15 comparisons of a study of thrombolysis
THROMBOLYSIS = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459),
    *(0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
]


def test_the_example_of_the_paper():
    # four are rejected at 0.05, where Bonferroni's 0.05/15 = 0.0033 rejects three
    found = false_discovery_rate(THROMBOLYSIS)
    assert found.rejected.tolist() == [True] * 4 + [False] * 11
    # the largest i with p ≤ 0.05·i/15 is 4: 0.0095 ≤ 0.0133, 0.0201 > 0.0167
    assert found.q_values[3] == pytest.approx(15 * 0.0095 / 4)


def test_it_can_be_printed():
    # the lowest q-value is 15·0.0001/1
    found = false_discovery_rate(THROMBOLYSIS)
    assert str(found) == "4 discoveries of 15 at level 0.05 (bh); lowest q-value 0.0015"
    assert "array" not in repr(found)
    assert str(false_discovery_rate([0.01])).startswith("1 discovery of 1 ")


@pytest.mark.parametrize("method", ["bh", "by"])
@pytest.mark.parametrize("n", [1, 7, 100])
def test_scipy_agrees(method, n):
    p = np.random.default_rng(n).random(n) ** 3
    found = false_discovery_rate(p, method=method)
    np.testing.assert_allclose(found.q_values, scipy.stats.false_discovery_control(p, method=method), rtol=1e-12)
    assert found.null_fraction == 1.0


def test_any_dependence_costs_the_sum_of_reciprocals():
    # 1 + 1/2 + 1/3 = 11/6; 3·p: 0.03, 3·0.02/2 = 0.03, 0.9
    found = false_discovery_rate([0.01, 0.02, 0.9], method="by")
    np.testing.assert_allclose(found.q_values, np.minimum(np.array([0.03, 0.03, 0.9]) * 11 / 6, 1.0))


def test_storey_takes_the_fraction_of_nulls():
    # one of four above 0.5: π₀ = 1/(0.5·4) = 0.5; 0.5·4·p/i: 0.02, 0.02, 0.02, 0.45
    found = false_discovery_rate([0.9, 0.01, 0.03, 0.02], 0.03, "storey")
    assert found.null_fraction == 0.5
    np.testing.assert_allclose(found.q_values, [0.45, 0.02, 0.02, 0.02])
    assert found.rejected.tolist() == [False, True, True, True]
    # three of four above 0.8 would be π₀ = 3/(0.2·4) > 1
    assert false_discovery_rate([0.9, 0.95, 0.81, 0.1], method="storey", threshold=0.8).null_fraction == 1.0


def test_of_what_is_found_few_are_false():
    """1,000 strategies, 200 with skill: the mean fraction of false discoveries is at most π₀·level = 0.08."""
    false = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=1000) + np.where(np.arange(1000) < 200, 3.0, 0.0)
        rejected = false_discovery_rate(scipy.stats.norm.sf(z), 0.1).rejected
        assert rejected[:200].mean() > 0.6
        false.append(rejected[200:].sum() / max(rejected.sum(), 1))
    assert np.mean(false) == pytest.approx(0.08, abs=0.012)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1, 1.2],), "p_values at 1 is 1.2; it must be 0 to 1"),
        (([0.1, -0.2],), "p_values at 1 is -0.2"),
        (([0.1, np.nan],), "p_values at test 1 is nan"),
        (([],), "p_values has 0 values; not enough data"),
        (([0.1], 0.0), "level is 0.0"),
        (([0.1], 0.05, "bhy"), "method is 'bhy'; it must be one of 'bh', 'by', 'storey'"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(SettingsError, match=message):
        false_discovery_rate(*arguments)
