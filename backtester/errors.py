"""The errors users meet. Each message says what was wrong, where, the value found, the rule and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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


class ResultError(BacktesterError):
    """A stored result cannot be read, or a result cannot be written."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"`, or an empty string where nothing is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
