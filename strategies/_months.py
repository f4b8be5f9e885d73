"""Months, for the strategies that decide once in each: what the prices were at the ends, and the returns between.

A month is over when the first bar of the next one is there; that is known without a look ahead. So what is computed
from the closes of months is used from the first bar of the month after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtester import Bars


def month_numbers(bars: Bars) -> NDArray[np.int64]:
    """Return the calendar month of each bar's session, counted from that of the first bar, shape (n_bars,)."""
    months = bars.sessions.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months - months[0]


def month_closes(bars: Bars) -> NDArray[np.float64]:
    """Return the last close of each month, shape (n_months, n_assets); NaN where the asset had no bar in it."""
    months = month_numbers(bars)
    closes = np.full((months[-1] + 1, bars.n_assets), np.nan)
    for a in range(bars.n_assets):
        own = np.flatnonzero(np.isfinite(bars.close[:, a]))
        last = own[np.flatnonzero(np.diff(months[own], append=-1))]
        closes[months[last], a] = bars.close[last, a]
    return closes


def momentum(bars: Bars, lookback: int, skip: int) -> NDArray[np.float64]:
    """Return the simple return over the `lookback` months before this one, the last `skip` of them left out.

    Parameters
    ----------
    bars : Bars
        The panel.
    lookback, skip : int
        In calendar months; 0 <= skip < lookback.

    Returns
    -------
    ndarray of float64, shape (n_bars, n_assets)
        From the last close of the month `lookback` + 1 before to the last close of the month `skip` + 1 before; the
        same for all bars of a month. NaN where the asset had no bar in one of the two, or in the month before this one.
    """
    closes, months = month_closes(bars), month_numbers(bars)
    over = np.full((lookback + 1, bars.n_assets), np.nan)  # months before the data
    closes = np.vstack([over, closes])
    by_month = closes[lookback - skip : -1 - skip] / closes[: -1 - lookback] - 1.0
    by_month[np.isnan(closes[lookback:-1])] = np.nan
    return by_month[months]
