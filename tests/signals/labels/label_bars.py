"""Bars for the tests of labels."""

from __future__ import annotations

import numpy as np

from backtester import Bars

DAY = 86_400_000_000_000
START = 18_267 * DAY  # 2020-01-06, 00:00 UTC


def bars_of(rows, **options):
    """Return bars of one asset from rows (open, high, low, close); None is a missing bar."""
    prices = np.array([[np.nan] * 4 if row is None else row for row in rows], dtype=float)
    stamps = START + DAY * np.arange(1, len(rows) + 1)
    return Bars.from_arrays(stamps, *prices.T, check=False, **options)


def closes(values, **options):
    """Return bars that open at the close before and reach no further than open and close; NaN is a missing bar."""
    rows, before = [], values[0]
    for close in values:
        if np.isnan(close):
            rows.append(None)
            continue
        rows.append((before, max(before, close), min(before, close), close))
        before = close
    return bars_of(rows, **options)


def random_columns(n_bars=90, n_assets=3, *, seed=1, gaps=True):
    """Return random prices and events: asset 1 begins late and is delisted, the last has gaps, 0 has a split."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (n_bars, n_assets)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.01, close.shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, 0.015, close.shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, 0.015, close.shape))
    columns = {"open": open_, "high": high, "low": low, "close": close}
    split, delisting = np.full(close.shape, np.nan), np.full(close.shape, np.nan)
    gap = np.zeros(close.shape, bool)
    if gaps:
        split[n_bars // 2, 0] = 2.0
        for column in columns.values():
            column[n_bars // 2 :, 0] /= 2.0
        gap[:11, 1] = True
        gap[n_bars - 20 :, 1] = True
        delisting[n_bars - 18, 1] = 0.7 * close[n_bars - 21, 1]
        gap[:, -1] |= rng.random(n_bars) < 0.2
    return {name: np.where(gap, np.nan, x) for name, x in columns.items()} | {"split": split, "delisting": delisting}


def panel_of(columns):
    """Return the bars of such columns."""
    prices = [columns[name] for name in ("open", "high", "low", "close")]
    extras = {name: columns[name] for name in ("split", "delisting") if not np.isnan(columns[name]).all()}
    stamps = START + DAY * np.arange(1, len(prices[0]) + 1)
    return Bars.from_arrays(stamps, *prices, extras=extras, check=False)
