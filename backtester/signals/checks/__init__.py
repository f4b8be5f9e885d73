"""Checks: whether anything in a pipeline knows its own future, tried by giving it another one.

`check_label_ends` tries a label, `check_pipeline` everything from bars to signal. Features alone are tried by
`Features.check_causal`.
"""

from backtester.signals.checks.future import other_future
from backtester.signals.checks.label_ends import check_label_ends
from backtester.signals.checks.pipeline import check_pipeline

__all__ = ["check_label_ends", "check_pipeline", "other_future"]
