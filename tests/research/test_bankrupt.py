"""An account that went bankrupt is no best of anything, whatever its Sharpe ratio up to then."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backtester import Account, Bars, Strategy, sweep, walk_forward
from backtester.errors import SweepError

DAY = 86_400 * 10**9
BROKE = Account(leverage=20.0, maintenance=0.01)


class Geared(Strategy):
    """Holds some times its equity."""

    times: float = 1.0

    def on_bar(self, ctx):
        ctx.order_target_percent(0, self.times)


def boom_and_bust(rising: int, n_bars: int = 200) -> Bars:
    """Return bars that rise by about a hundredth each, fall by three tenths once, and rise again."""
    moves = 0.01 + 0.002 * np.random.default_rng(0).standard_normal(n_bars)
    moves[rising] = -0.3
    close = 100.0 * np.cumprod(1.0 + moves)[:, None]
    return Bars.from_arrays((np.arange(n_bars) + 1) * DAY, close, close, close, close, symbols=("AAA",))


def test_a_bankrupt_run_has_no_score_though_its_sharpe_is_the_highest():
    found = sweep(Geared, boom_and_bust(190), times=[0.5, 5.0], store=None, account=BROKE)
    assert found.trial(1).metrics["sharpe"] > found.trial(0).metrics["sharpe"] > 0.0
    assert math.isnan(found.trial(1).scores["sharpe"])
    assert found.best.parameters == {"times": 0.5}
    assert "1 bankrupt or without a sharpe" in str(found)


def test_where_all_are_bankrupt_nothing_is_best():
    with pytest.raises(SweepError, match="sharpe is NaN, or the account bankrupt, in all 2 runs"):
        sweep(Geared, boom_and_bust(190), times=[5.0, 6.0], store=None, account=BROKE)


def test_a_walk_that_loses_everything_has_no_efficiency():
    walk = walk_forward(Geared, boom_and_bust(150), {"times": [5.0]}, train=100, test=100, store=None, account=BROKE)
    assert walk.result.wealth[-1] == 0.0
    assert math.isnan(walk.efficiency)
    assert "efficiency     none: the account lost everything" in str(walk)
