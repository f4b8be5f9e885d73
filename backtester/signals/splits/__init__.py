"""Splits: which samples train and which rows are tested, with nothing of the test known in training."""

from backtester.signals.splits.combinatorial import CombinatorialPurgedCV
from backtester.signals.splits.fold import Fold
from backtester.signals.splits.k_fold import PurgedKFold
from backtester.signals.splits.purging import past_mask, training_mask
from backtester.signals.splits.scheme import Scheme
from backtester.signals.splits.walk_forward import WalkForward

__all__ = ["CombinatorialPurgedCV", "Fold", "PurgedKFold", "Scheme", "WalkForward", "past_mask", "training_mask"]
