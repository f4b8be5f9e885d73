"""Numbers that were made before the check began: no other bars change them, so what they knew cannot be tried.

They lie in parameters, and in globals and closures that the code of a strategy reads: a table, a cache. The report
names them, because a check that passes says nothing of them.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from backtester.compiler.bytecode import facts_of
from backtester.compiler.walk import closure_of

_DEPTH = 4  # of functions that call functions


def is_per_bar(value: Any, n_bars: int) -> bool:
    """Whether a value is an array, a Series or a frame with one row per bar."""
    return (isinstance(value, np.ndarray) or hasattr(value, "iloc")) and value.ndim > 0 and len(value) == n_bars


def globals_made_beforehand(kind: type, n_bars: int) -> list[str]:
    """Return the names of globals and closures with rows for most of the bars, that the code of a class reads."""
    found: dict[str, None] = {}
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] not in ("builtins", "backtester"):
            for value in vars(base).values():
                function = getattr(value, "py_func", getattr(value, "__func__", value))
                if isinstance(function, types.FunctionType):
                    found |= dict.fromkeys(_read(function, n_bars, set(), _DEPTH))
    return list(found)


def _read(function: types.FunctionType, n_bars: int, seen: set[int], depth: int) -> Iterator[str]:
    if id(function.__code__) in seen or depth == 0:
        return
    seen.add(id(function.__code__))
    named = {name: function.__globals__.get(name) for name in facts_of(function.__code__).globals}
    for name, value in (named | closure_of(function)).items():
        inner = getattr(value, "py_func", value)
        if isinstance(inner, types.FunctionType):
            if (inner.__module__ or "").partition(".")[0] not in ("backtester", "numpy", "pandas", "scipy", "numba"):
                yield from _read(inner, n_bars, seen, depth - 1)
        elif _holds_rows(value, n_bars):
            yield name


def _holds_rows(value: Any, n_bars: int) -> bool:
    """Whether a value, or one that it holds, has rows for more than half of the bars."""
    if isinstance(value, Mapping):
        return any(_has_rows(one, n_bars) for one in value.values())
    if isinstance(value, list | tuple):
        return len(value) * 2 > n_bars or any(_has_rows(one, n_bars) for one in value)
    return _has_rows(value, n_bars)


def _has_rows(value: Any, n_bars: int) -> bool:
    if isinstance(value, type):
        return False
    if isinstance(value, np.ndarray) or hasattr(value, "iloc"):
        return bool(value.ndim > 0 and len(value) * 2 > n_bars)
    rows = getattr(value, "timestamps", None)  # of bars and signals
    return isinstance(rows, np.ndarray) and len(rows) * 2 > n_bars
