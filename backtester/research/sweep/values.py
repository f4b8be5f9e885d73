"""Names of columns, and values of parameters as columns and as words."""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.html_text import shortened

if TYPE_CHECKING:
    import pandas as pd

_MOST = 30  # characters of a word
_PLAIN = (bool, int, float, str)  # what a column holds as what it is


def free_name(name: str, taken: Collection[str], word: str) -> str:
    """Return `name` where it is free, else with `word` before it: "metric_sharpe"."""
    while name in taken:
        name = f"{word}_{name}"
    return name


def column_of(values: Sequence[Any]) -> pd.Series:
    """Return a column with the very values: as objects, where they are not all ints, floats, bools or strings."""
    import pandas as pd

    kinds = set(map(type, values))
    if len(kinds) == 1 and kinds.pop() in _PLAIN:
        return pd.Series(list(values))
    held = np.empty(len(values), object)
    for place, value in enumerate(values):  # by itself: an array is one value
        held[place] = value
    return pd.Series(held, dtype=object)


def are_numbers(values: Sequence[Any]) -> bool:
    """Whether all values are finite ints and floats, so that an axis can be one of numbers."""
    return all(type(value) in (int, float) and math.isfinite(value) for value in values)


def word_of(value: Any) -> str:
    """Return a short readable name of a value, without the address of anything."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, functools.partial):
        return f"{word_of(value.func)}(…)"
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    if isinstance(value, np.ndarray):
        return shortened(" ".join(str(value).split()), _MOST)
    if type(value).__repr__ is object.__repr__:
        return type(value).__name__
    return shortened(value, _MOST)


def words_of(values: Sequence[Any]) -> list[str]:
    """Return a word for each of the values of a dimension, no word twice."""
    words: dict[str, None] = {}
    for value in values:
        short = word = word_of(value)
        n = 1
        while word in words:
            n += 1
            word = f"{short} ({n})"
        words[word] = None
    return list(words)


def told(value: Any) -> str:
    """Return a value as a call has it, where it can be written so, else its word."""
    return repr(value) if value is None or type(value) in (*_PLAIN, tuple, list) else word_of(value)


def pairs_of(parameters: dict[str, Any]) -> str:
    """Return parameters as a call has them: "n=10, k=2.0"."""
    return ", ".join(f"{name}={told(value)}" for name, value in parameters.items()) or "(no parameters)"
