"""The errors users meet. Each message says what was wrong, where, the value found, the rule and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class BacktesterError(Exception):
    """Base of every error this package raises on purpose."""


class DataError(BacktesterError, ValueError):
    """Market data broke a rule at the door: which symbol, which time, which value, which rule."""


class SettingsError(BacktesterError, ValueError):
    """A cost, account, execution or run setting is out of range, or has the wrong type."""


class ParameterError(BacktesterError, TypeError):
    """A strategy parameter is unknown, or has the wrong type."""


class StrategyError(BacktesterError):
    """A strategy class cannot be run as written."""


class CannotCompile(BacktesterError):
    """numba cannot compile this strategy; `reason` is one line that names the user's line and the construct."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class FeatureError(BacktesterError, ValueError):
    """A feature is unknown, or computes what no feature may: which feature, which symbol, which time, which rule."""


class LabelError(BacktesterError, ValueError):
    """A label cannot be computed as asked, or breaks a rule of labels: which label, which symbol, which time."""


class SplitError(BacktesterError, ValueError):
    """Rows cannot be split into training and test as asked, or a split would let the test be known in training."""


class ModelError(BacktesterError, ValueError):
    """A model cannot be found, fitted, used, saved or loaded: which model, which fold, which rule.

    Attributes
    ----------
    signal : backtester.signals.Signal or None
        What was predicted out of sample before the error; None where nothing was.
    """

    def __init__(self, message: str, *, signal: Any = None):
        super().__init__(message)
        self.signal = signal


class SweepError(BacktesterError, ValueError):
    """A parameter space holds nothing to try, or nothing that was tried has a score: which space, which objective.

    Attributes
    ----------
    sweep : backtester.research.sweep.Sweep or None
        What ran before the error; None where nothing did.
    """

    def __init__(self, message: str, *, sweep: Any = None):
        super().__init__(message)
        self.sweep = sweep


class LookAheadError(BacktesterError):
    """Something depends on bars that come after it: what, where, and how far it looks.

    Attributes
    ----------
    report : backtester.research.lookahead.LookAheadReport or None
        All that was found.
    """

    def __init__(self, message: str, *, report: Any = None):
        super().__init__(message)
        self.report = report


class WorkerError(BacktesterError, RuntimeError):
    """Work cannot be sent to other threads, processes or machines, or they died of it again and again."""


class ResultError(BacktesterError):
    """A stored result or a store of them cannot be read, or cannot be written."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"`, or an empty string where nothing is close."""
    found = closest(name, known)
    return f"; did you mean {found!r}?" if found is not None else ""


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return which of the known names a name is like, or None."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)), None)
