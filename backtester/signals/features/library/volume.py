"""How much is traded; NaN where the volume is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import mfi, rolling_zscore, sma
from backtester.signals.features.library._register import neutral, ratio, register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


@register(n=1)
def relative_volume(prices: Bars, n: int = 20) -> Floats:
    """The volume over the mean of the last `n`, less one: −1 where nothing was traded; 0 where nothing was in all n."""
    average = sma(prices.volume, n)
    return ratio(prices.volume - average, average)


@register(n=2)
def volume_zscore(prices: Bars, n: int = 20) -> Floats:
    """The volume less the mean of the last `n`, in their standard deviations; at most √(n − 1) in size."""
    return neutral(rolling_zscore(prices.volume, n), sma(prices.volume, n))


@register(n=1)
def money_flow(prices: Bars, n: int = 14) -> Floats:
    """The money flow index over 50, less one: −1 to 1.

    Gene Quong and Avrum Soudack, "Volume-weighted RSI: money flow", Stocks & Commodities 7:3 (1989).
    """
    return mfi(prices.high, prices.low, prices.close, prices.volume, n) / 50.0 - 1.0
