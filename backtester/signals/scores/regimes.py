"""Regimes of volatility: how wild a market is for its own standards, as known at each bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import realised_volatility, rolling_rank

if TYPE_CHECKING:
    from backtester.bars import Bars

REGIMES = ("low", "middle", "high")
WINDOW = 20  # bars of the volatility
HISTORY = 252  # bars it is ranked among


def volatility_regime(bars: Bars, window: int = WINDOW, history: int = HISTORY) -> npt.NDArray[np.int64]:
    """Return in which third of its own recent past the volatility of each asset lies.

    Parameters
    ----------
    bars : Bars
    window : int
        Bars of the volatility, 2 or more: the standard deviation of one-bar log returns, without the jumps of splits
        and dividends.
    history : int
        Bars among whose volatilities that of bar t is ranked, t included.

    Returns
    -------
    ndarray of int64, [n_bars, n_assets]
        0, 1 and 2 for the lowest, middle and highest third, known at the close of bar t; −1 for the first
        window + history − 1 bars of an asset, and where it has no bar.
    """
    place = rolling_rank(realised_volatility(bars.adjusted_close, window), history)
    with np.errstate(invalid="ignore"):
        # ranks are k/history, so that the upper edge of a third belongs to it
        third = np.ceil(place * len(REGIMES) - 1e-9) - 1.0
    return np.where(np.isfinite(third), third, -1.0).astype(np.int64)
