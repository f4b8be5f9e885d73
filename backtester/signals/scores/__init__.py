"""Scores: how good a signal is as a prediction, and whether new data are like those its model learnt from."""

from __future__ import annotations

from backtester.signals.scores.information import ic_over_time, ic_statistics, newey_west
from backtester.signals.scores.measures import MEASURES, Measure, Predictions, measure_named
from backtester.signals.scores.regimes import volatility_regime
from backtester.signals.scores.report import ModelMetrics, metrics_of
from backtester.signals.scores.side_by_side import compare
from backtester.signals.scores.training_range import drift

__all__ = [
    "MEASURES",
    "Measure",
    "ModelMetrics",
    "Predictions",
    "compare",
    "drift",
    "ic_over_time",
    "ic_statistics",
    "measure_named",
    "metrics_of",
    "newey_west",
    "volatility_regime",
]
