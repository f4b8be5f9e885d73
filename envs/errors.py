"""The errors of environments and agents. Each message says what was wrong, where, the value, the rule and the remedy."""

from __future__ import annotations

from backtester.errors import BacktesterError


class ActionError(BacktesterError, ValueError):
    """An action is NaN, infinite, or outside the action space."""


class BundleError(BacktesterError):
    """A stored agent or checkpoint cannot be read, does not match, or cannot be written."""


class TrainingError(BacktesterError):
    """A training cannot begin or go on: a setting is wrong, or a loss or reward is not a number."""
