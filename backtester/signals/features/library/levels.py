"""Where the price stands in what it has been."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import drawdown as drawdown_of
from backtester.indicators import highest, lowest, rolling_zscore, sma
from backtester.signals.features.library._register import neutral, ratio, register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


@register(n=2)
def zscore(prices: Bars, n: int = 20) -> Floats:
    """The close less the mean of the last `n` closes, in their standard deviations; at most √(n − 1) in size."""
    return neutral(rolling_zscore(prices.close, n), sma(prices.close, n))


@register(n=1)
def channel_position(prices: Bars, n: int = 20) -> Floats:
    """The close between the lowest low, −1, and the highest high, 1, of the last `n` bars."""
    high, low = highest(prices.high, n), lowest(prices.low, n)
    return ratio(2.0 * prices.close - high - low, high - low)


@register(n=1)
def distance_to_average(prices: Bars, n: int = 50) -> Floats:
    """The close over the mean of the last `n` closes, less one."""
    return prices.close / sma(prices.close, n) - 1.0


@register(n=2)
def drawdown(prices: Bars, n: int = 60) -> Floats:
    """How far the close is below the highest of the last `n` closes, as a fraction of that, 0 to 1."""
    return drawdown_of(prices.close, n)
