"""How much the price moves, whichever way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import atr as atr_of
from backtester.indicators import highest, log_returns, lowest, rolling_skew, rolling_sum
from backtester.indicators import parkinson as parkinson_of
from backtester.indicators import realised_volatility as realised_volatility_of
from backtester.signals.features.library._register import neutral, register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


@register(n=2)
def realised_volatility(prices: Bars, n: int = 20) -> Floats:
    """Standard deviation (n − 1) of the last `n` one-bar log returns, per bar."""
    return realised_volatility_of(prices.close, n)


@register(fast=2, slow=2)
def volatility_ratio(prices: Bars, fast: int = 10, slow: int = 60) -> Floats:
    """Logarithm of `realised_volatility(fast)` over `realised_volatility(slow)`: above 0 where it has risen."""
    quick, steady = realised_volatility_of(prices.close, fast), realised_volatility_of(prices.close, slow)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.log(quick / steady)
    return neutral(found, quick + steady)


@register(n=1)
def atr(prices: Bars, n: int = 14) -> Floats:
    """Wilder's average true range as a fraction of the close.

    J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section III.
    """
    return atr_of(prices.high, prices.low, prices.close, n) / prices.close


@register(n=1)
def high_low_range(prices: Bars, n: int = 1) -> Floats:
    """Logarithm of the highest high over the lowest low of the last `n` bars."""
    low = lowest(prices.low, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.log(highest(prices.high, n) / low)
    return np.where(low > 0, found, np.nan)


@register(n=2)
def parkinson(prices: Bars, n: int = 20) -> Floats:
    """Volatility per bar from the highs and lows of the last `n` bars.

    Michael Parkinson, "The extreme value method for estimating the variance of the rate of return", Journal of
    Business 53 (1980).
    """
    return parkinson_of(prices.high, prices.low, n)


@register(n=3)
def skew(prices: Bars, n: int = 60) -> Floats:
    """Skewness of the last `n` one-bar log returns; 0 where they are all equal."""
    moves = log_returns(prices.close, 1)
    return neutral(rolling_skew(moves, n), rolling_sum(moves, n))
