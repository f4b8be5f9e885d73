"""Performance of a run: ratios of simple returns, trade statistics, and `summary`, which gives them all at once.

The ratios (undefined is NaN, never 0) take returns r [n] and, where their equation does, `periods_per_year`
and `risk_free`; see `backtester.metrics.ratios` for the conventions that all of them share.
"""

from backtester.metrics._scan import simple_returns
from backtester.metrics.flows import money_weighted_return, net_deposits, wealth_index
from backtester.metrics.ratios import (
    alpha,
    annual_return,
    annual_volatility,
    beta,
    cagr,
    calmar,
    conditional_value_at_risk,
    information_ratio,
    kurtosis,
    max_drawdown,
    max_drawdown_duration,
    omega,
    probabilistic_sharpe,
    probabilistic_sharpe_of,
    sharpe,
    skew,
    sortino,
    tail_ratio,
    total_return,
    value_at_risk,
)
from backtester.metrics.summary import bars_per_year, exposure_time_of, fill_totals, summary, trade_statistics

__all__ = [
    "alpha",
    "annual_return",
    "annual_volatility",
    "bars_per_year",
    "beta",
    "cagr",
    "calmar",
    "conditional_value_at_risk",
    "exposure_time_of",
    "fill_totals",
    "information_ratio",
    "kurtosis",
    "max_drawdown",
    "max_drawdown_duration",
    "money_weighted_return",
    "net_deposits",
    "omega",
    "probabilistic_sharpe",
    "probabilistic_sharpe_of",
    "sharpe",
    "simple_returns",
    "skew",
    "sortino",
    "summary",
    "tail_ratio",
    "total_return",
    "trade_statistics",
    "value_at_risk",
    "wealth_index",
]
