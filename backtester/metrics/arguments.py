"""What the statistics ask of their arguments, in sentences that say what was found and what to do."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from backtester.errors import SettingsError, did_you_mean
from backtester.metrics._scan import NOISE, readonly


def series(values: ArrayLike, name: str, least: int, each: str = "bar") -> np.ndarray:
    """Return one series, float64 [n], read-only, finite and with at least `least` values."""
    found = readonly(np.asarray(values, dtype=np.float64))
    if found.ndim != 1:
        raise SettingsError(f"{name} has shape {found.shape}; pass one series, a number for each {each}")
    if len(found) < least:
        raise SettingsError(f"{name} has {len(found)} values; not enough data, this needs {least} at least")
    if not np.isfinite(found).all():
        at = int(np.argmin(np.isfinite(found)))
        raise SettingsError(f"{name} at {each} {at} is {found[at]}; it must be finite: leave such a {each} out first")
    return found


def table(values: ArrayLike, name: str, *, rows: int, columns: int, each: str = "strategy") -> np.ndarray:
    """Return a number for each bar and strategy, float64 [n_bars, n], read-only, finite and of at least that shape."""
    found = np.asarray(values, dtype=np.float64)
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2:
        raise SettingsError(f"{name} has shape {found.shape}; pass one row for each bar, one column for each {each}")
    if found.shape[0] < rows:
        raise SettingsError(f"{name} has {found.shape[0]} bars; not enough data, this needs {rows} at least")
    if found.shape[1] < columns:
        raise SettingsError(f"{name} has {found.shape[1]} columns, one for each {each}; this needs {columns} at least")
    finite = np.isfinite(found)
    if not finite.all():
        bar, column = (int(at[0]) for at in np.nonzero(~finite))
        raise SettingsError(
            f"{name} at bar {bar} of {each} {column} is {found[bar, column]}; it must be finite: take the bars that "
            "all have, and leave out what failed"
        )
    return readonly(found)


def moving(values: np.ndarray) -> np.ndarray:
    """Return which columns have a deviation at all, bool [n_strategies]; a smaller one is rounding."""
    return values.std(axis=0) > NOISE * np.maximum(1.0, np.abs(values.mean(axis=0)))


def at_least(value: Any, name: str, least: int) -> int:
    """Return a whole number of at least `least`."""
    try:
        found = operator.index(value)
    except TypeError:
        raise SettingsError(f"{name} is {value!r}; it must be a whole number") from None
    if found < least:
        raise SettingsError(f"{name} is {found}; it must be {least} at least")
    return found


def number(value: Any, name: str, *, low: float = -math.inf, high: float = math.inf, closed: bool = True) -> float:
    """Return a float from `low` to `high`, NaN included; without the ends where not `closed`."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise SettingsError(f"{name} is {value!r}; it must be a number")
    found = float(value)
    outside = not low <= found <= high if closed else not low < found < high
    if outside and not math.isnan(found):
        ends = f"{low:g} to {high:g}" if closed else f"above {low:g} and below {high:g}"
        raise SettingsError(f"{name} is {value!r}; it must be {ends}")
    return found


def fraction(value: Any, name: str) -> float:
    """Return a float strictly between 0 and 1."""
    found = number(value, name, low=0.0, high=1.0, closed=False)
    if math.isnan(found):
        raise SettingsError(f"{name} is NaN; it must be above 0 and below 1")
    return found


def seed_number(seed: Any) -> int:
    """Return a seed, 0 to 2⁶³ − 1."""
    found = at_least(seed, "seed", 0)
    if found >= 2**63:
        raise SettingsError(f"seed is {found}; it must be below 2**63")
    return found


def choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """Return one of a few words."""
    known = tuple(choices)
    if value not in known:
        raise SettingsError(
            f"{name} is {value!r}; it must be one of {', '.join(map(repr, known))}{did_you_mean(str(value), known)}"
        )
    return str(value)
