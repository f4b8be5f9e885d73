"""Scores: how good a signal is, as a prediction and as money."""

from backtester.signals.scores.measures import MEASURES, Measure, measure_named

__all__ = ["MEASURES", "Measure", "measure_named"]
