"""Where the trials of a sweep lie on the axis of a parameter, and what stands there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.research.sweep.space import Range
from backtester.research.sweep.values import are_numbers, words_of

if TYPE_CHECKING:
    import pandas as pd

    from backtester.research.sweep.result import Sweep

_CELLS = 40  # per axis, for parameters with more values than that


@dataclass(frozen=True)
class Axis:
    """The axis of one parameter.

    Attributes
    ----------
    name : str
    places : int64 or float64 [n]
        Of the trials, in the order of the table: their values; or, where values are no numbers, their positions in the
        list that the dimension was given as.
    words : list of str or None
        What stands at these positions; None on an axis of numbers.
    """

    name: str
    places: np.ndarray
    words: list[str] | None

    def cells(self) -> np.ndarray:
        """Return the places, or the middles of equal parts of their range where there are too many of them."""
        if self.words is not None or len(np.unique(self.places)) <= 4 * _CELLS:
            return self.places
        low, high = float(self.places.min()), float(self.places.max())
        width = (high - low) / _CELLS
        part = np.minimum(((self.places - low) / width).astype(np.int64), _CELLS - 1)
        middles: np.ndarray = low + (part + 0.5) * width
        return middles

    def names(self, places: Iterable[Any]) -> list[Any]:
        """Return what stands at places: the number, or its word."""
        return list(places) if self.words is None else [self.words[int(place)] for place in places]


def axis_of(found: Sweep, name: str) -> Axis:
    """Return the axis of a parameter."""
    at = found.parameters.index(name)
    dimension = found._trials.space.dimensions[at]
    if not isinstance(dimension, Range) and not are_numbers(dimension.values):
        return Axis(name, found._rows[1][:, at], words_of(dimension.values))
    values = found.table[name].to_numpy()
    return Axis(name, values if values.dtype.kind in "iuf" else values.astype(np.float64), None)


def worded(found: Sweep, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the table, with words for values that are no numbers."""
    at = found.table.index.get_indexer(rows.index)
    axes = {name: axis_of(found, name) for name in found.parameters}
    words = {name: axis.names(axis.places[at]) for name, axis in axes.items() if axis.words is not None}
    return rows.assign(**words)
