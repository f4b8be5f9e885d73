"""What the season of a bar has brought so far: weekday, month, or the bar's number in its session.

The means are of the one-bar log returns since the first bar there is, the bar itself included, and of nothing later;
so they depend on where the data begins. Steven L. Heston and Ronnie Sadka, "Seasonality in the cross-section of stock
returns", Journal of Financial Economics 87 (2008), rank stocks by such means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import log_returns
from backtester.indicators._arrays import read_only
from backtester.kernel.jit import kernel_jit
from backtester.signals.features.library._register import register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SEASONS = ("weekday", "month", "session_bar")


@register(choices={"by": SEASONS})
def seasonal_return(prices: Bars, by: str = "weekday") -> Floats:
    """Mean so far of the one-bar log returns of bars in the season of this one, this one included."""
    return _means(prices, by, False)


@register(choices={"by": SEASONS})
def seasonal_next(prices: Bars, by: str = "weekday") -> Floats:
    """Mean so far of the one-bar log returns that came after bars in the season of this one; 0 where none has yet."""
    return _means(prices, by, True)


def _means(prices: Bars, by: str, following: bool) -> Floats:
    season = _season(prices, by)
    found = np.empty(prices.close.shape)
    moves = read_only(log_returns(prices.close, 1))
    _expanding(moves, prices.close, season, int(season.max()) + 1, following, found)
    return found


def _season(prices: Bars, by: str) -> Ints:
    """Return the season of each bar, a number from 0 on."""
    sessions = prices.sessions
    if by == "weekday":
        return (sessions + 3) % 7
    if by == "month":
        return sessions.view("M8[D]").astype("M8[M]").astype(np.int64) % 12
    rows = np.arange(len(sessions))
    begins = np.concatenate(([True], sessions[1:] != sessions[:-1]))
    return rows - np.maximum.accumulate(np.where(begins, rows, 0))


@kernel_jit()
def _expanding(moves, close, season, n_seasons, following, out):
    """Write the mean of the moves so far that belong to the season of each bar; `following`: that came after it."""
    n_bars, n_assets = moves.shape
    sums, counts = np.zeros((n_seasons, n_assets)), np.zeros((n_seasons, n_assets))
    before = np.zeros(n_assets, np.int64)
    for t in range(n_bars):
        now = season[t]
        for a in range(n_assets):
            out[t, a] = np.nan
            if moves[t, a] == moves[t, a]:
                of = before[a] if following else now
                sums[of, a] += moves[t, a]
                counts[of, a] += 1.0
                out[t, a] = sums[now, a] / counts[now, a] if counts[now, a] > 0.0 else 0.0
            if close[t, a] == close[t, a]:
                before[a] = now
