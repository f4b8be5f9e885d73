"""Oscillators and trend strength, each brought from its author's scale to −1 to 1, or to a fraction of the price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import adx as adx_of
from backtester.indicators import aroon as aroon_of
from backtester.indicators import macd as macd_of
from backtester.indicators import rsi as rsi_of
from backtester.signals.features.library._register import register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


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
