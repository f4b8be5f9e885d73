"""The errors of environments and agents; each message says what was wrong, the value found, the rule and the remedy."""

from __future__ import annotations

from gymnasium.error import ResetNeeded as GymnasiumResetNeeded

from backtester.errors import BacktesterError


class EnvError(BacktesterError):
    """An environment breaks a rule it should keep."""


class ActionError(BacktesterError, ValueError):
    """An action is NaN, infinite, outside the action space, or of the wrong shape or type."""


class ResetNeeded(BacktesterError, GymnasiumResetNeeded):
    """A step was asked of an episode that has not begun, or is over."""


class TaskError(BacktesterError):
    """A task with a known optimum cannot be solved as it was set."""


class BundleError(BacktesterError):
    """A stored agent cannot be read, or does not fit where it is to be used."""


class TrainingError(BacktesterError):
    """A training cannot go on."""
