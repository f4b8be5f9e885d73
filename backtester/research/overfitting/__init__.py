"""Overfitting statistics: how far to believe a backtest that was chosen among many.

Of one Sharpe ratio: `probabilistic_sharpe`, `deflated_sharpe`, `min_track_record_length`, `min_backtest_length`. Of all
that were tried: `pbo`, `reality_check`, `spa`, `false_discovery_rate`, `effective_trials`. Of one run:
`bootstrap_intervals`, `timing_test`, `trade_order`. All random draws have a seed, and every result is the same for the
same arguments.
"""

from backtester.metrics.independence import EffectiveTrials, effective_trials
from backtester.metrics.sharpe_error import (
    SharpeEstimate,
    deflated_sharpe,
    expected_max_sharpe,
    min_backtest_length,
    min_track_record_length,
    probabilistic_sharpe,
    sharpe_estimate,
    sharpe_interval,
    variance_of_sharpes,
)
from backtester.research.overfitting.block_length import optimal_block_length
from backtester.research.overfitting.cscv import PBO, pbo
from backtester.research.overfitting.discoveries import Discoveries, false_discovery_rate
from backtester.research.overfitting.intervals import Intervals, bootstrap_intervals
from backtester.research.overfitting.snooping import SPA, RealityCheck, reality_check, spa
from backtester.research.overfitting.timing import TimingTest, exposures_of, timing_test, timing_test_of
from backtester.research.overfitting.trade_order import TradeOrder, trade_order

__all__ = [
    "PBO",
    "SPA",
    "Discoveries",
    "EffectiveTrials",
    "Intervals",
    "RealityCheck",
    "SharpeEstimate",
    "TimingTest",
    "TradeOrder",
    "bootstrap_intervals",
    "deflated_sharpe",
    "effective_trials",
    "expected_max_sharpe",
    "exposures_of",
    "false_discovery_rate",
    "min_backtest_length",
    "min_track_record_length",
    "optimal_block_length",
    "pbo",
    "probabilistic_sharpe",
    "reality_check",
    "sharpe_estimate",
    "sharpe_interval",
    "spa",
    "timing_test",
    "timing_test_of",
    "trade_order",
    "variance_of_sharpes",
]
