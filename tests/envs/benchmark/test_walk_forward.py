"""Folds follow one another and share a close; scenarios scale every cost and nothing else."""

from __future__ import annotations

import itertools

import pytest

from backtester import Costs, Execution
from backtester.errors import SettingsError
from envs.benchmark.config import Market
from envs.benchmark.walk import bars_of, cost_level, folds_of, scaled, scenarios_of


def market(**more):
    return Market(name="m", data="sample:sp500", train=100, validate=20, test=10, algorithms=(), **more)


def test_folds_end_with_the_data_and_their_tests_touch():
    # 100 bars, 0 to 99: one step less than bars. 40 + 10 leave 49 steps: two tests of 20, that end at 79 and 99
    folds = folds_of(100, 40, 10, 20)
    assert [(f.train, f.validate, f.test) for f in folds] == [
        ((9, 49), (49, 59), (59, 79)),
        ((29, 69), (69, 79), (79, 99)),
    ]
    assert [f.number for f in folds] == [0, 1]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_ranges_of_a_fold_meet_and_never_overlap(count):
    folds = folds_of(1_000, 100, 30, 70, count)
    assert len(folds) == count
    for fold in folds:
        assert fold.train[1] == fold.validate[0]
        assert fold.validate[1] == fold.test[0]
        assert (fold.train[1] - fold.train[0], fold.validate[1] - fold.validate[0]) == (100, 30)
        assert fold.test[1] - fold.test[0] == 70
    assert all(a.test[1] == b.test[0] for a, b in itertools.pairwise(folds))
    assert folds[-1].test[1] == 999


@pytest.mark.parametrize(("n", "count"), [(70, None), (71, 2), (1, None)])
def test_what_does_not_fit_is_told(n, count):
    with pytest.raises(SettingsError, match="have room for"):
        folds_of(n, 40, 10, 20, count)


def test_the_least_that_fits():
    assert [fold.train for fold in folds_of(71, 40, 10, 20)] == [(0, 40)]


def test_scenarios_scale_all_costs_but_not_the_interest_on_cash():
    costs = Costs(commission=0.001, spread=0.002, slippage=[0.003], borrow_rate=0.04, cash_rate=0.05, impact=0.1)
    found = {one.name: one for one in scenarios_of(costs, Execution(latency_bars=1))}
    assert list(found) == ["costs 0x", "costs 1x", "costs 2x", "one bar later"]
    assert found["costs 0x"].costs == Costs(slippage=[0.0], cash_rate=0.05)
    assert found["costs 1x"].costs == found["one bar later"].costs == costs
    assert found["costs 2x"].costs == Costs(
        commission=0.002, spread=0.004, slippage=[0.006], borrow_rate=0.08, cash_rate=0.05, impact=0.2
    )
    assert [one.execution.latency_bars for one in found.values()] == [1, 1, 1, 2]


def test_a_commission_that_is_a_function_has_no_double():
    with pytest.raises(SettingsError, match="is a function"):
        scaled(Costs(commission=lambda price, quantity: 1.0), 2.0)


def test_what_one_side_of_a_trade_costs():
    costs = Costs(commission=0.001, spread=0.004, slippage=0.0005)
    assert cost_level(costs, ("A",)) == pytest.approx(0.001 + 0.002 + 0.0005)


def test_one_asset_is_walked_through():
    assert bars_of(market()).symbols == ("SP500",)
    with pytest.raises(SettingsError, match=r"name one as symbol: .*AAPL"):
        bars_of(Market(name="m", data="sample:stocks", train=1, validate=1, test=1, algorithms=()))
