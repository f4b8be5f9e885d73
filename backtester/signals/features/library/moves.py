"""How far the price has moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import log_returns, momentum, realised_volatility, rolling_correlation, rolling_sum
from backtester.signals.features.library._register import neutral, ratio, register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


@register(n=1)
def log_return(prices: Bars, n: int = 1) -> Floats:
    """Logarithm of the close over that of `n` own bars before, from bar `n` on."""
    return log_returns(prices.close, n)


@register(n=2)
def scaled_return(prices: Bars, n: int = 20) -> Floats:
    """`log_return(n)` in standard deviations of such a return: over √n times `realised_volatility(n)`.

    The signal of Moskowitz, Ooi and Pedersen, "Time series momentum", Journal of Financial Economics 104 (2012).
    """
    return ratio(log_returns(prices.close, n), realised_volatility(prices.close, n) * np.sqrt(n))


@register()
def gap(prices: Bars) -> Floats:
    """Logarithm of the open over the close of the own bar before."""
    return log_returns(prices.close, 1) - body(prices)


@register()
def body(prices: Bars) -> Floats:
    """Logarithm of the close over the open of the same bar; it has no warm-up."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.log(prices.close / prices.open)
    return np.where((prices.close > 0) & (prices.open > 0), found, np.nan)


@register(n=1)
def efficiency(prices: Bars, n: int = 20) -> Floats:
    """The move over `n` bars by the path it took, −1 to 1: Kaufman's efficiency ratio with the sign of the move.

    Perry J. Kaufman, Trading Systems and Methods, 5th edition (2013), chapter 17.
    """
    path = rolling_sum(np.abs(momentum(prices.close, 1)), n)
    return ratio(momentum(prices.close, n), path)


@register(n=3)
def autocorrelation(prices: Bars, n: int = 60) -> Floats:
    """Correlation of the last `n` one-bar log returns with those a bar before, −1 to 1; 0 where nothing moves."""
    now = log_returns(prices.close, 1)
    before = log_returns(prices.close, 2) - now
    return neutral(rolling_correlation(now, before, n), rolling_sum(before, n))
