"""Columns of a table in fewer signs: most have one value throughout, few words, or numbers that grow by small steps.

The page's script makes them whole again (`expanded` in format.js).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

LEAST = 64  # rows, from which it is worth it
MOST_WORDS = 1_000


def compact(columns: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return columns, each as a list or as what says the same in fewer signs."""
    return {name: compact_column(values) for name, values in columns.items()}


def compact_column(values: list[Any]) -> Any:
    """Return a column in the shortest of four forms.

    Parameters
    ----------
    values : list
        JSON values.

    Returns
    -------
    list or dict
        The list itself; `{"all": value, "n": n}`; `{"words": [...], "codes": [...]}` for text; or `{"steps": [...]}`
        for whole numbers, the first and then the steps from one to the next.
    """
    n = len(values)
    if n < LEAST:
        return values
    first = values[0]
    kinds = set(map(type, values))
    if len(kinds) > 1:
        return values
    if values.count(first) == n:
        return {"all": first, "n": n}
    if kinds == {str}:
        words = list(dict.fromkeys(values))
        if len(words) > MOST_WORDS:
            return values
        place = {word: k for k, word in enumerate(words)}
        return {"words": words, "codes": list(map(place.__getitem__, values))}
    if kinds == {int}:
        steps = np.diff(values)
        if int(np.abs(steps).max()) < max(map(abs, values)) // 8:
            return {"steps": [first, *steps.tolist()]}
    return values
