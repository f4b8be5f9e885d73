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


class Sums(Strategy):
    """Records, of each bar, Σ (s + 1)·adjusted_close[s] over all bars so far in which asset 0 has one, and of asset 1.

    The weights tell the rows apart.
    """

    def on_bar(self, ctx):
        first, second = 0.0, 0.0
        for s in range(ctx.t + 1):
            if ctx.adjusted_close[s, 0] > 0.0:
                first += (s + 1) * ctx.adjusted_close[s, 0]
            if ctx.adjusted_close[s, 1] > 0.0:
                second += (s + 1) * ctx.adjusted_close[s, 1]
        ctx.record("first", first)
        ctx.record("second", second)


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


def by_definition(bars, t, a):
    """Return A_s · close_t / A_t of all s ≤ t; `bars.adjusted_close` is A."""
    level = bars.adjusted_close[: t + 1, a]
    return level * bars.close[t, a] / level[-1]


@pytest.mark.parametrize("mode", ["interpreted", "compiled"])
@pytest.mark.parametrize("seed", range(3))
def test_every_row_so_far_is_that_of_the_levels(seed, mode):
    bars = market(seed)
    records = run(Sums(), bars, cash=1_000.0, mode=mode).records
    for t in range(1, N_BARS):
        for a, name in enumerate(("first", "second")):
            if not np.isnan(bars.close[t, a]):
                expected = np.nansum(np.arange(1, t + 2) * by_definition(bars, t, a))
                assert records[name].iloc[t] == pytest.approx(expected, rel=1e-12)


class Keep(Strategy):
    """Keeps copies of the adjusted closes of some bars."""

    def prepare(self, bars):
        self.kept = {}

    def on_bar(self, ctx):
        if ctx.t % 150 == 0 or ctx.t in (78, 1254, 743, 744):  # the splits of AAPL and MSFT; MSFT's first dividend
            self.kept[int(ctx.t)] = np.array(ctx.adjusted_close)


def test_on_real_data_too_each_value_by_itself():
    bars = Bars.sample("stocks")
    strategy = Keep()
    run(strategy, bars, cash=1_000.0, mode="interpreted")
    assert {78, 743, 744, 1254, 3150} <= set(strategy.kept)
    for t, seen in strategy.kept.items():
        assert seen.shape == (t + 1, 4)
        for a in range(4):
            if not np.isnan(bars.close[t, a]):
                np.testing.assert_allclose(seen[:, a], by_definition(bars, t, a), rtol=1e-12)
