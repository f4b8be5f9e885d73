"""Indicators: causal, jitted, one value per bar and asset.

An indicator takes arrays [n_bars, n_assets] (or [n_bars], for one asset) and settings, and returns new float64 arrays
of the same shape. Arrays come first and have no default; settings follow in TA-Lib's order, with TA-Lib's defaults
where it has the indicator. The rules all of them keep:

- The value of bar t is a function of bars up to t: changing the future changes no bit of the past.
- The warm-up is NaN; an array shorter than it gives NaN alone.
- A missing bar (NaN) is not there: the value in the gap is NaN, and those after it are what they would be if the
  asset's own bars were all there is.
- Values equal TA-Lib's, start included, where TA-Lib has the indicator.

`crossed_above` and `crossed_below` are different: they answer one question about one asset now, inside `on_bar`.

A new indicator is a jitted core and a function that reads its settings and calls `each_asset`; see `_panel`, and
`_series` for cores that are written for one asset.
"""

from backtester.indicators.averages import dema, hull, kama, tema, trix, wma
from backtester.indicators.bands import bollinger, donchian
from backtester.indicators.changes import log_returns, macd, momentum, returns, roc, rsi
from backtester.indicators.cross import crossed_above, crossed_below
from backtester.indicators.moving import ema, rma, rolling_sum, sma
from backtester.indicators.oscillators import cci, stochastic, williams_r
from backtester.indicators.rolling import highest, lowest, rolling_max, rolling_min, rolling_std
from backtester.indicators.trend import adx, aroon
from backtester.indicators.volatility import atr, realised_volatility, true_range
from backtester.indicators.volume import mfi, obv

__all__ = [
    "adx",
    "aroon",
    "atr",
    "bollinger",
    "cci",
    "crossed_above",
    "crossed_below",
    "dema",
    "donchian",
    "ema",
    "highest",
    "hull",
    "kama",
    "log_returns",
    "lowest",
    "macd",
    "mfi",
    "momentum",
    "obv",
    "realised_volatility",
    "returns",
    "rma",
    "roc",
    "rolling_max",
    "rolling_min",
    "rolling_std",
    "rolling_sum",
    "rsi",
    "sma",
    "stochastic",
    "tema",
    "trix",
    "true_range",
    "williams_r",
    "wma",
]
