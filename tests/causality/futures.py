"""Bars with all that features and labels read, and other futures of them."""

from __future__ import annotations

import numpy as np

from backtester import Bars
from backtester.signals.checks import other_future

HOUR = 3_600 * 10**9
MONDAY = 18_267 * 24 * HOUR  # 2020-01-06, 00:00 UTC


def market(n_bars, n_assets=3, *, seed=1, hours=24, gaps=True, events=True):
    """Return random bars; asset 1 begins late, the last has gaps, asset 0 splits and pays, and has an extra column."""
    rng = np.random.default_rng(seed)
    shape = (n_bars, n_assets)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.005, shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, 0.01, shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, 0.01, shape))
    volume = np.floor(rng.uniform(1.0, 1e6, shape))
    gap = np.zeros(shape, bool)
    if gaps:
        gap[:11, 1] = True
        gap[:, -1] |= rng.random(n_bars) < 0.1
    columns = [np.where(gap, np.nan, values) for values in (open_, high, low, close, volume)]
    extras = {"sentiment": np.where(gap, np.nan, rng.normal(size=shape))}
    if events:
        split, dividend = np.full(shape, np.nan), np.full(shape, np.nan)
        for values in columns[:4]:
            values[n_bars // 3 :, 0] /= 2.0
        split[n_bars // 3, 0], dividend[n_bars // 2, 0], dividend[n_bars - 20, 0] = 2.0, 0.5, 0.7
        extras |= {"split": split, "dividend": dividend}
    stamps = MONDAY + hours * HOUR * np.arange(1, n_bars + 1)
    return Bars.from_arrays(stamps, *columns, extras=extras)


def futures(bars, n):
    """Yield what the bars could have been from row n on, under a name for messages."""
    yield "other bars", other_future(bars, n, seed=1)
    yield "yet other bars", other_future(bars, n, seed=2)
    yield "no bars", bars[:n]
    gone = [np.concatenate([bars[name][:n], np.full_like(bars[name][n:], np.nan)]) for name in _COLUMNS]
    for name, column in zip(_COLUMNS, gone, strict=True):
        column[n:, 0] = bars[name][n:, 0]
    quiet = {name: np.concatenate([bars[name][:n], np.full_like(bars[name][n:], np.nan)]) for name in bars.extras}
    yield "bars of one asset, without events", Bars.from_arrays(bars.timestamps, *gone, extras=quiet, check=False)


_COLUMNS = ("open", "high", "low", "close", "volume")


def same_bits(left, right):
    """Return where two arrays hold the same values, all NaN alike, −0.0 and 0.0 told apart."""
    missing = np.isnan(left) & np.isnan(right)
    return missing | ((left == right) & (np.signbit(left) == np.signbit(right)))
