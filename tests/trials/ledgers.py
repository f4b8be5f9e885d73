"""What the tests of the ledger share: strategies, bars and a ledger of their own."""

from __future__ import annotations

import numpy as np

from backtester import Bars, Strategy

DAY = 86_400 * 10**9


class Hold(Strategy):
    """Buys once, at the bar `at`."""

    at: int = 1

    def on_bar(self, ctx):
        if ctx.t == self.at:
            ctx.order_target_percent(0, 0.5)


class Other(Strategy):
    """Does the same, with other code."""

    at: int = 1

    def on_bar(self, ctx):
        if ctx.t == self.at:
            ctx.order_target_percent(0, 0.25)


def panel(n_bars: int = 300, seed: int = 1, symbol: str = "AAA", first_day: int = 0) -> Bars:
    """Return daily bars that wander."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal(n_bars)))[:, None]
    times = (np.arange(n_bars) + 1 + first_day) * DAY
    return Bars.from_arrays(times, close, close, close, close, np.full_like(close, 1000.0), symbols=(symbol,))
