"""Every fill of the shipped strategies is the one that their rules, written out in plain Python, make."""

import numpy as np
import pytest
from slow import CASH, SlowMarket, bollinger_reversion, donchian_breakout, sma_cross

from backtester import Account, Bars, run
from strategies import BollingerReversion, DonchianBreakout, SmaCross

CREDIT = Account(leverage=20.0)  # nothing is reduced, so that the slow version needs no rules for it
DAY_NS = 86_400 * 10**9

CASES = [
    (SmaCross(fast=4, slow=9), sma_cross(4, 9)),
    (SmaCross(fast=1, slow=2), sma_cross(1, 2)),
    (BollingerReversion(n=10, k=1.5, stop=0.7), bollinger_reversion(10, 1.5, 0.7)),
    (BollingerReversion(n=5, k=1.0, stop=3.0), bollinger_reversion(5, 1.0, 3.0)),
    (DonchianBreakout(channel=8, atr_period=5), donchian_breakout(8, 5, 2.0, 0.01, True)),
    (
        DonchianBreakout(channel=5, atr_period=7, stop_atrs=1.0, risk=0.05, short=False),
        donchian_breakout(5, 7, 1.0, 0.05, False),
    ),
]


def market(seed, n_bars, n_assets, gaps):
    """Return daily bars with gaps between close and next open, and where asked for every tenth bar missing."""
    rng = np.random.default_rng(seed)
    shape = (n_bars, n_assets)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * (1.0 + rng.normal(0.0, 0.008, shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, 0.01, shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, 0.01, shape))
    if gaps:
        missing = rng.random(shape) < 0.1
        missing[:40, -1] = True
        for column in (open_, high, low, close):
            column[missing] = np.nan
    times = (np.arange(n_bars) + 18_000) * DAY_NS
    return Bars.from_arrays(times, open_, high, low, close, symbols=[f"S{a}" for a in range(n_assets)])


def assert_same_fills(strategy, decide, bars):
    result = run(strategy, bars, cash=CASH, account=CREDIT, mode="compiled")
    expected = SlowMarket(bars).play(decide)
    rows = result.tables.fills[["bar", "asset", "quantity", "price"]].tolist()
    found = sorted(rows, key=lambda row: row[:2])  # a stable sort: fills of one bar and asset keep their order
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    np.testing.assert_allclose(np.array(found)[:, 2:], np.array(expected)[:, 2:], rtol=1e-9)
    return found


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize(("strategy", "decide"), CASES, ids=lambda case: repr(case) if hasattr(case, "prepare") else "")
def test_fills_of_a_made_market(strategy, decide, gaps):
    for seed in (1, 2):
        assert len(assert_same_fills(strategy, decide, market(seed, 180, 3, gaps))) > 10


@pytest.mark.parametrize(("strategy", "decide"), CASES[::2], ids=["SmaCross", "BollingerReversion", "DonchianBreakout"])
def test_fills_of_a_sample(strategy, decide):
    assert len(assert_same_fills(strategy, decide, Bars.sample("googl")[1000:1300])) > 5
