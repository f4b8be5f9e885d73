"""Indicators: causal, jitted, one value per bar and asset.

An indicator takes arrays [n_bars, n_assets] (or [n_bars], for one asset) and settings, and returns new float64 arrays
of the same shape. Arrays come first and have no default; settings follow in TA-Lib's order, with TA-Lib's defaults
where it has the indicator. The rules all of them keep:

- The value of bar t is a function of bars up to t: changing the future changes no bit of the past.
- The warm-up is NaN; an array shorter than it gives NaN alone.
- A missing bar (NaN) is not there: the value in the gap is NaN, and those after it are what they would be if the
  asset's own bars were all there is.
- Values equal TA-Lib's, start included, where TA-Lib has the indicator.

`cross_rank` and `cross_zscore` compare the assets of a bar with each other: row t is a function of row t alone.

`crossed_above` and `crossed_below` are different: they answer one question about one asset now, inside `on_bar`.

Inside `remembered` an indicator that has been computed before, of the same arrays, is not computed again.

A new indicator is a jitted core and a function that reads its settings and calls `each_asset`; see `_panel`, and
`_series` for cores that are written for one asset.
"""

from backtester.indicators.averages import dema, hull, kama, tema, trix, wma
from backtester.indicators.bands import bollinger, donchian
from backtester.indicators.changes import log_returns, macd, momentum, returns, roc, rsi
from backtester.indicators.channels import keltner, supertrend
from backtester.indicators.cross import crossed_above, crossed_below
from backtester.indicators.cross_section import cross_rank, cross_zscore
from backtester.indicators.drawdowns import drawdown
from backtester.indicators.memory import IndicatorMemory, remembered
from backtester.indicators.moving import ema, rma, rolling_sum, sma
from backtester.indicators.oscillators import cci, stochastic, williams_r
from backtester.indicators.range_volatility import garman_klass, parkinson, yang_zhang
from backtester.indicators.ranks import rolling_quantile, rolling_rank
from backtester.indicators.rolling import highest, lowest, rolling_max, rolling_min, rolling_std
from backtester.indicators.statistics import rolling_beta, rolling_correlation, rolling_skew, rolling_zscore
from backtester.indicators.trend import adx, aroon
from backtester.indicators.volatility import atr, realised_volatility, true_range
from backtester.indicators.volume import mfi, obv
from backtester.indicators.vwap import rolling_vwap, session_vwap

__all__ = [
    "IndicatorMemory",
    "adx",
    "aroon",
    "atr",
    "bollinger",
    "cci",
    "cross_rank",
    "cross_zscore",
    "crossed_above",
    "crossed_below",
    "dema",
    "donchian",
    "drawdown",
    "ema",
    "garman_klass",
    "highest",
    "hull",
    "kama",
    "keltner",
    "log_returns",
    "lowest",
    "macd",
    "mfi",
    "momentum",
    "obv",
    "parkinson",
    "realised_volatility",
    "remembered",
    "returns",
    "rma",
    "roc",
    "rolling_beta",
    "rolling_correlation",
    "rolling_max",
    "rolling_min",
    "rolling_quantile",
    "rolling_rank",
    "rolling_skew",
    "rolling_std",
    "rolling_sum",
    "rolling_vwap",
    "rolling_zscore",
    "rsi",
    "session_vwap",
    "sma",
    "stochastic",
    "supertrend",
    "tema",
    "trix",
    "true_range",
    "williams_r",
    "wma",
    "yang_zhang",
]
