"""The closes that a strategy sees adjusted back from its bar are those of the data: the kernel's, and `bars`'."""

import numpy as np
import pytest

from backtester import Bars, Strategy, run

N_BARS = 60
DAY = 86_400_000_000_000


class Look(Strategy):
    """Records the adjusted closes of the first bars, and the one before the present."""

    def on_bar(self, ctx):
        ctx.record("first", ctx.adjusted_close[0, 0])
        ctx.record("tenth", ctx.adjusted_close[min(9, ctx.t), 1])
        ctx.record("now", ctx.adjusted_close[-1, 0])


def market(seed):
    """Return two assets with gaps, splits and dividends, before their first bars too."""
    rng = np.random.default_rng(seed)
    close = np.round(40.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (N_BARS, 2)), axis=0)), 2)
    close[1:][rng.random((N_BARS - 1, 2)) < 0.15] = np.nan
    close[:4, 1] = np.nan
    split = np.where(rng.random(close.shape) < 0.1, rng.choice([2.0, 3.0, 0.5], close.shape), np.nan)
    dividend = np.where(rng.random(close.shape) < 0.2, rng.choice([0.1, 0.25], close.shape), np.nan)
    times = np.arange(1, N_BARS + 1) * DAY
    prices = [close] * 4
    return Bars.from_arrays(times, *prices, extras={"split": split, "dividend": dividend}, check=False)


@pytest.mark.parametrize("mode", ["interpreted", "compiled"])
@pytest.mark.parametrize("seed", range(3))
def test_both_adjust_alike(seed, mode):
    bars = market(seed)
    records = run(Look(), bars, cash=1_000.0, mode=mode).records
    for t in range(1, N_BARS):  # a strategy is first called at bar 1
        seen = bars.adjusted_as_of(t)
        expected = [seen[0, 0], seen[min(9, t), 1], seen[-1, 0]]
        np.testing.assert_allclose(records[["first", "tenth", "now"]].iloc[t], expected, rtol=1e-12)
