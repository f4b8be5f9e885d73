"""How much the price moves, whichever way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import atr as atr_of
from backtester.indicators import garman_klass as garman_klass_of
from backtester.indicators import highest, log_returns, lowest, rolling_skew, rolling_sum
from backtester.indicators import parkinson as parkinson_of
from backtester.indicators import realised_volatility as realised_volatility_of
from backtester.indicators import yang_zhang as yang_zhang_of
from backtester.indicators._panel import each_asset
from backtester.indicators.range_volatility import _root_of_sum
from backtester.kernel.jit import kernel_jit
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


@register(n=1)
def garman_klass(prices: Bars, n: int = 20) -> Floats:
    """Volatility per bar from the ranges and the moves of the last `n` bars, without those between bars.

    Mark Garman and Michael Klass, "On the estimation of security price volatilities from historical data", Journal of
    Business 53 (1980).
    """
    return garman_klass_of(prices.open, prices.high, prices.low, prices.close, n)


@register(n=1)
def rogers_satchell(prices: Bars, n: int = 20) -> Floats:
    """Volatility per bar from all four prices of the last `n` bars, whatever the drift, without moves between bars.

    √mean(ln(high/open)·ln(high/close) + ln(low/open)·ln(low/close)). L. C. G. Rogers and S. E. Satchell, "Estimating
    variance from high, low and closing prices", Annals of Applied Probability 1 (1991).
    """
    arrays = {"open": prices.open, "high": prices.high, "low": prices.low, "close": prices.close}
    terms = each_asset("rogers_satchell", _rogers_satchell, arrays)[0]
    return each_asset("rogers_satchell", _root_of_sum, {"terms": terms}, n, float(n))[0]


@register(n=2)
def yang_zhang(prices: Bars, n: int = 20) -> Floats:
    """Volatility per bar from all four prices of the last `n` bars, whatever the drift, with the moves between bars.

    Dennis Yang and Qiang Zhang, "Drift-independent volatility estimation based on high, low, open, and close prices",
    Journal of Business 73 (2000).
    """
    return yang_zhang_of(prices.open, prices.high, prices.low, prices.close, n)


@register(n=3)
def skew(prices: Bars, n: int = 60) -> Floats:
    """Skewness of the last `n` one-bar log returns; 0 where they are all equal."""
    moves = log_returns(prices.close, 1)
    return neutral(rolling_skew(moves, n), rolling_sum(moves, n))


@kernel_jit()
def _rogers_satchell(open, high, low, close, out):
    for t in range(high.shape[0]):
        for a in range(high.shape[1]):
            o, h, l, c = open[t, a], high[t, a], low[t, a], close[t, a]  # noqa: E741
            out[t, a] = np.nan
            if min(o, h, l, c) > 0.0:
                term = np.log(h / o) * np.log(h / c) + np.log(l / o) * np.log(l / c)
                out[t, a] = term if term > 0.0 else 0.0  # below by rounding alone
