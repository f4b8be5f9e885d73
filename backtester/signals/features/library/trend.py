"""Trends, and oscillators, each brought from its author's scale to −1 to 1, or to a fraction of the price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import adx as adx_of
from backtester.indicators import aroon as aroon_of
from backtester.indicators import macd as macd_of
from backtester.indicators import rsi as rsi_of
from backtester.indicators._panel import each_asset
from backtester.indicators.statistics import _each_pair
from backtester.kernel.jit import kernel_jit
from backtester.signals.features.library._cores import logs
from backtester.signals.features.library._register import register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]

_LARGEST_T = 1e6  # beyond it a t-statistic is rounding: 1 − r² is a few last digits


@register(n=3)
def trend(prices: Bars, n: int = 60) -> Floats:
    """t-statistic of the slope of the log close on time over the last `n` bars, within ±10⁶; 0 where nothing moves.

    r·√((n − 2)/(1 − r²)) with r the correlation of log close and time. As prices wander, it is far above 2 in size more
    often than for independent errors; it measures how straight the way was. Marcos López de Prado, Machine Learning for
    Asset Managers (2020), section 5.4.
    """
    return each_asset("trend", _trend, {"x": logs(prices.close)}, n)[0]


@register(n=1)
def rsi(prices: Bars, n: int = 14) -> Floats:
    """Wilder's relative strength index over 50, less one: −1 to 1, and −1 where the price has never moved.

    J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section VI.
    """
    return rsi_of(prices.close, n) / 50.0 - 1.0


@register(fast=1, slow=1, signal=1)
def macd(prices: Bars, fast: int = 12, slow: int = 26, signal: int = 9) -> Floats:
    """The histogram of MACD as a fraction of the close.

    Gerald Appel, Technical Analysis: Power Tools for Active Investors (2005), chapter 8.
    """
    return macd_of(prices.close, fast, slow, signal)[2] / prices.close


@register(n=2)
def adx(prices: Bars, n: int = 14) -> Floats:
    """Wilder's average directional index over 100: how strong the trend is, 0 to 1, whichever its direction.

    J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section IV.
    """
    return adx_of(prices.high, prices.low, prices.close, n)[0] / 100.0


@register(n=1)
def aroon(prices: Bars, n: int = 14) -> Floats:
    """Aroon up less Aroon down, over 100: 1 where the high of the last n + 1 bars is now, −1 where the low is.

    Tushar Chande, "A time price oscillator", Stocks & Commodities 13:9 (1995).
    """
    return aroon_of(prices.high, prices.low, n)[2] / 100.0


@kernel_jit()
def _trend(x, n, out):
    n_bars, n_assets = x.shape
    time = np.empty((n_bars, n_assets))
    for t in range(n_bars):
        time[t] = t
    _each_pair(time, x, n, False, out)
    for t in range(n - 1, n_bars):
        for a in range(n_assets):
            r = out[t, a]
            left = 1.0 - r * r
            value = r * np.sqrt((n - 2) / left) if left > 0.0 else (np.inf if r > 0.0 else -np.inf)
            out[t, a] = min(max(value, -_LARGEST_T), _LARGEST_T) if r == r else 0.0
