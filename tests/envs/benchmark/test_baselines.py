"""Baselines: paths by arithmetic, causal, and played as the actions they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from backtester import Bars
from backtester.errors import SettingsError
from envs.benchmark.baselines import (
    BASELINES,
    baseline_path,
    buy_and_hold,
    flat,
    momentum,
    path_policy,
    random_path,
    sma_cross,
)

CLOSES = np.array([10.0, 11.0, 12.0, 11.0, 9.0, 8.0, 10.0, 12.0])


def test_flat_and_buy_and_hold():
    assert flat(CLOSES).tolist() == [0.0] * 8
    assert buy_and_hold(CLOSES).tolist() == [1.0] * 8


def test_sma_cross_holds_while_the_fast_average_is_above():
    # averages of 2 and 3: at bar 2 11.5 > 11; 3: 11.5 > 11.33; 4: 10 < 10.67; 5: 8.5 < 9.33; 6: 9 = 9; 7: 11 > 10
    assert sma_cross(CLOSES, 2, 3).tolist() == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0]


def test_sma_cross_equals_the_shipped_strategy():
    """The strategy orders at crosses, the path says what is held: they agree after the first cross."""
    from backtester import run
    from strategies.sma_cross import SmaCross

    bars = Bars.sample("sp500")[:600]
    held = run(SmaCross(), bars, cash=1e5).positions.to_numpy()[:, 0] > 0.0
    wanted = sma_cross(bars.close[:, 0]) > 0.0
    first = int(np.argmax(held))
    assert np.array_equal(held[first + 1 :], wanted[first:-1])  # decided at a close, held from the next open


def test_momentum_by_hand():
    # center 1: δ = 1/2. Returns 0.1, −0.1, 0.2. After the second: weights 1, 1/2 (total 1.5), mean
    # (−0.1 + 0.05)/1.5 = −1/30, square (0.01 + 0.005)/1.5 = 0.01, variance 0.01 − 1/900 = 8/900.
    # Past over 2 bars: 99/100 − 1 < 0, so −0.05/√(8/900·1) = −0.05/0.0942809 = −0.530330
    closes = 100.0 * np.cumprod([1.0, 1.1, 0.9, 1.2])
    found = momentum(closes, lookback=2, center=1, target=0.05, bars_per_year=1.0)
    assert found[:2].tolist() == [0.0, 0.0]
    assert found[2] == pytest.approx(-0.05 / np.sqrt(8.0 / 900.0))
    # the third: weights 1, 1/2, 1/4 (1.75), mean (0.2 − 0.05 + 0.025)/1.75 = 0.1, square
    # (0.04 + 0.005 + 0.0025)/1.75 = 0.0475/1.75, variance 0.0271429 − 0.01; past 1.08 − 1 > 0
    assert found[3] == pytest.approx(0.05 / np.sqrt(0.0475 / 1.75 - 0.01))
    assert momentum(closes, lookback=2, center=1, target=9.0, bars_per_year=1.0)[2:].tolist() == [-1.0, 1.0]


def test_a_missing_bar_keeps_the_exposure():
    holed = np.insert(CLOSES, 3, np.nan)
    assert np.delete(momentum(holed, 2, 1), 3).tolist() == momentum(CLOSES, 2, 1).tolist()
    assert momentum(holed, 2, 1)[3] == momentum(holed, 2, 1)[2]


@pytest.mark.parametrize("name", BASELINES)
def test_the_future_changes_nothing(name):
    closes = Bars.sample("sp500").close[:500, 0]
    whole = baseline_path(name, closes)
    assert np.isfinite(whole).all()
    for cut in (1, 50, 300, 400):
        changed = closes.copy()
        changed[cut:] *= 1.7
        assert np.array_equal(baseline_path(name, changed)[:cut], whole[:cut])
        assert np.array_equal(baseline_path(name, closes[:cut]), whole[:cut])


class TestRandomPath:
    @pytest.mark.parametrize("exposures", [(-1.0, 0.0, 1.0), (0.0, 1.0), (-1.0, -0.5, 0.0, 0.5, 1.0)])
    def test_has_the_turnover_that_was_wanted(self, exposures):
        path = random_path(200_000, exposures, 0.05, seed=1)
        turnover = np.abs(np.diff(path)).mean()
        # some 10,000 changes: a standard error of 1 % or so, and sizes that vary
        assert turnover == pytest.approx(0.05, rel=0.05)
        assert set(path) == set(exposures)

    def test_none_and_the_most(self):
        assert set(random_path(100, (-1.0, 0.0, 1.0), 0.0, seed=1)) == {0.0}
        always = random_path(1_000, (0.0, 1.0), 50.0, seed=1)
        assert np.abs(np.diff(always)).tolist() == [1.0] * 999

    def test_one_seed_one_path(self):
        paths = [random_path(100, (0.0, 1.0), 0.3, seed) for seed in (1, 1, 2)]
        assert np.array_equal(paths[0], paths[1])
        assert not np.array_equal(paths[0], paths[2])

    @pytest.mark.parametrize(("exposures", "turnover"), [((1.0,), 0.1), ((0.0, 1.0), -0.1), ((0.0, 1.0), np.nan)])
    def test_what_cannot_be_is_refused(self, exposures, turnover):
        with pytest.raises(SettingsError, match="random_path"):
            random_path(10, exposures, turnover, 0)


class TestPathPolicy:
    NOTHING = np.zeros((1, 3), np.float32)

    def test_takes_the_nearest_exposure_bar_by_bar(self):
        path = np.array([9.0, 9.0, 0.4, -0.7, 0.5, 2.0])
        policy = path_policy(path, 2, spaces.Discrete(3), (-1.0, 0.0, 1.0))
        # 0.4 → 0, −0.7 → −1, 0.5 → 0 (the first of equals), 2 → 1
        assert [policy(self.NOTHING).tolist() for _ in range(4)] == [[1], [0], [1], [2]]

    def test_maps_onto_the_range_of_a_continuous_action(self):
        # exposures from 0 to 2: 0 is −1, 1 is 0, 2 and above is 1
        policy = path_policy(np.array([0.0, 1.0, 1.5, 7.0]), 0, spaces.Box(-1.0, 1.0, (1,)), (0.0, 2.0))
        assert [policy(self.NOTHING).tolist() for _ in range(4)] == [[[-1.0]], [[0.0]], [[0.5]], [[1.0]]]

    def test_one_of_several_discrete_actions(self):
        policy = path_policy(np.array([1.0]), 0, spaces.MultiDiscrete([2]), (0.0, 1.0))
        assert policy(self.NOTHING).tolist() == [[1]]

    @pytest.mark.parametrize("space", [spaces.Discrete(2), spaces.MultiDiscrete([3, 3]), spaces.Box(-1.0, 1.0, (2,))])
    def test_other_actions_are_refused(self, space):
        with pytest.raises(SettingsError, match="path_policy"):
            path_policy(np.zeros(3), 0, space, (-1.0, 0.0, 1.0))


def test_wrong_names_and_numbers_are_told():
    with pytest.raises(SettingsError, match="did you mean 'momentum'"):
        baseline_path("momentun", CLOSES)
    with pytest.raises(SettingsError, match="fast < slow"):
        sma_cross(CLOSES, 3, 3)
    with pytest.raises(SettingsError, match="lookback is 0"):
        momentum(CLOSES, lookback=0)
