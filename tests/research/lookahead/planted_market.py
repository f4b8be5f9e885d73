"""The bars on which planted leaks are looked for: three assets, gaps, an asset that is listed late, an extra column."""

from __future__ import annotations

import numpy as np

from backtester import Bars

HOUR = 3_600 * 10**9
MONDAY = 18_267 * 24 * HOUR  # 2020-01-06, 00:00 UTC
LISTED = 5  # the first bar of asset B


def market(n_bars=100, *, hours=24, gaps=True, seed=1):
    """Return random bars that close every `hours` hours from Monday on: bar 0 of daily ones is Monday's."""
    rng = np.random.default_rng(seed)
    shape = (n_bars, 3)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.005, shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.001, 0.01, shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.001, 0.01, shape))
    volume = np.floor(rng.uniform(1e4, 1e6, shape))
    columns = [open_, high, low, close, volume]
    if gaps:
        for column in columns:
            column[:LISTED, 1] = np.nan
    stamps = MONDAY + hours * HOUR * np.arange(1, n_bars + 1)
    earnings = {"earnings": rng.normal(size=shape)}
    return Bars.from_arrays(stamps, *columns, symbols=["A", "B", "C"], extras=earnings)
