"""Bars for the tests of features."""

from __future__ import annotations

import numpy as np

from backtester import Bars

DAY = 86_400_000_000_000
MONDAY = 18_267 * DAY  # 2020-01-06, 00:00 UTC


def bars_of(close, *, spread=0.0, volume=1000.0, start=MONDAY, step=DAY, **options):
    """Return bars that open where they close, with the high and low `spread` away, the first closing after a step."""
    close = np.asarray(close, dtype=float)
    stamps = start + step * np.arange(1, len(close) + 1)
    volumes = np.broadcast_to(volume, close.shape) if np.ndim(volume) == 0 else np.asarray(volume, dtype=float)
    volumes = np.where(np.isnan(close), np.nan, volumes)
    return Bars.from_arrays(stamps, close, close + spread, close - spread, close, volumes, **options)


def random_bars(n_bars=320, n_assets=3, *, seed=1, gaps=True):
    """Return a random panel on an hourly clock; asset 1 begins late, the last has gaps, asset 0 has none."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (n_bars, n_assets)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.005, close.shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, 0.01, close.shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, 0.01, close.shape))
    volume = np.floor(rng.uniform(1.0, 1e6, close.shape))
    gap = np.zeros(close.shape, bool)
    if gaps:
        gap[:11, 1] = True
        gap[:, -1] |= rng.random(n_bars) < 0.15
    columns = [np.where(gap, np.nan, values) for values in (open_, high, low, close, volume)]
    stamps = MONDAY + 3600 * 10**9 * np.arange(1, n_bars + 1)
    extras = {"sentiment": np.where(gap, np.nan, rng.normal(size=close.shape))}
    return Bars.from_arrays(stamps, *columns, extras=extras)
