"""`Track`: rows of anything that a run makes, each with the bar at which it is known; and what moved in it.

Prepared arrays, features, orders, fills, labels, observations: all become tracks, and are compared in one way. Up to a
cut, two tracks hold the same rows with the same values, or something knew what came after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Track:
    """Rows, and when each is known.

    Attributes
    ----------
    name : str
        As the user knows it: `self.fast_ma`, `orders`, `feature rsi(14)`.
    values : ndarray, [n_rows, ...]
        Numbers, or rows with fields.
    known : ndarray of int64, [n_rows], or None
        The bar at which each row is known, never decreasing. None: row t is known at bar t.
    origin : ndarray of int64, [n_rows], or None
        The bar that each row is about, where that is another than the one at which it is known.
    asset : str or None
        What says which asset a row is of: a field of the rows, or "axis", the second axis of numbers.
    follows : bool
        Whether it moves because other tracks do, so that it is told of only where none of them did.
    rounding : float
        What numbers may differ by where there are fewer bars, relative: sums of fewer rows round differently.
    """

    name: str
    values: npt.NDArray[Any]
    known: Ints | None = None
    origin: Ints | None = None
    asset: str | None = None
    follows: bool = False
    rounding: float = 1e-9

    def until(self, n: int) -> npt.NDArray[Any]:
        """Return the rows that are known before bar n."""
        return self.values[:n] if self.known is None else self.values[: int(np.searchsorted(self.known, n, "left"))]

    def bar_of(self, i: int) -> int:
        """Return the bar that row i is about."""
        if self.origin is not None:
            return int(self.origin[i])
        return int(i if self.known is None else self.known[i])


@dataclass(frozen=True)
class Moved:
    """The first row of a track that another future changed.

    Attributes
    ----------
    name : str
        Of the track.
    row : int
        The row of the track.
    bar, asset : int
        Which bar it is about, and which asset; −1 where it is of none.
    field : str
        Which field of it, "" where it has none.
    before, after : float or None
        Its value in both worlds; None where the row is not there.
    """

    name: str
    row: int
    bar: int
    asset: int
    field: str
    before: float | None
    after: float | None


def moved(before: Track, after: Track, n: int, rtol: float = 0.0) -> Moved | None:
    """Return the first row known before bar n that differs between two tracks, or None.

    Parameters
    ----------
    before, after : Track
        The same thing in two worlds.
    n : int
    rtol : float
        What numbers may differ by, as a fraction of the larger, or of the typical size of their column where that is
        more. 0: the same bits, save that all NaN are alike.
    """
    left, right = before.until(n), after.until(n)
    if left.dtype.names is not None:
        return _moved_rows(before, after, left, right, rtol)
    if left.shape[1:] != right.shape[1:]:
        return Moved(before.name, 0, before.bar_of(0) if len(left) else 0, -1, "shape", None, None)
    size = min(len(left), len(right))
    differs = differing(left[:size], right[:size], rtol)
    if differs.any():
        place = tuple(int(i) for i in np.argwhere(differs)[0])
        asset = place[1] if before.asset == "axis" and len(place) > 1 else -1
        return Moved(
            before.name, place[0], before.bar_of(place[0]), asset, "", _number(left[place]), _number(right[place])
        )
    return _ended_early(before, after, left, right)


def differing(left: npt.NDArray[Any], right: npt.NDArray[Any], rtol: float) -> npt.NDArray[np.bool_]:
    """Return where two arrays of one shape differ by more than rounding."""
    if left.dtype.kind not in "fc" or right.dtype.kind not in "fc":
        return np.asarray(left != right, np.bool_)
    differs = ~((left == right) | (np.isnan(left) & np.isnan(right)))
    if rtol and differs.any():
        with np.errstate(invalid="ignore"):
            size = np.maximum(np.abs(left), np.abs(right))
            known = np.abs(left[np.isfinite(left)])
            typical = float(np.median(known)) if known.size else 0.0
            differs &= ~(np.abs(left - right) <= rtol * np.maximum(size, typical))
    return np.asarray(differs, np.bool_)


def _moved_rows(
    before: Track, after: Track, left: npt.NDArray[Any], right: npt.NDArray[Any], rtol: float
) -> Moved | None:
    """Compare rows with fields."""
    size = min(len(left), len(right))
    first, name = size, ""
    for field in left.dtype.names or ():
        places = np.flatnonzero(differing(left[field][:size], right[field][:size], rtol))
        if places.size and int(places[0]) < first:
            first, name = int(places[0]), field
    if not name:
        return _ended_early(before, after, left, right)
    sides = [(track, rows) for track, rows in ((before, left), (after, right))]
    track, rows = min(sides, key=lambda side: side[0].bar_of(first))
    asset = int(rows[first][track.asset]) if track.asset else -1
    values = _number(left[first][name]), _number(right[first][name])
    return Moved(before.name, first, track.bar_of(first), asset, name, *values)


def _ended_early(before: Track, after: Track, left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Moved | None:
    """Return the first row that only one of the two has."""
    if len(left) == len(right):
        return None
    track, rows = (before, left) if len(left) > len(right) else (after, right)
    i = min(len(left), len(right))
    named = track.asset is not None and track.asset != "axis"
    asset = int(rows[i][track.asset]) if named else -1
    return Moved(before.name, i, track.bar_of(i), asset, "", *((1.0, None) if track is before else (None, 1.0)))


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
