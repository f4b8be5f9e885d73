"""Fewer points for the same picture: series for a chart, and the clock that names their bars.

A series longer than a screen is wide is cut into buckets, of which the first, lowest, highest and last point are kept
(M4: Jugel et al., "M4: a visualization-oriented time series data aggregation", VLDB 2014). At one bucket or more a
pixel column the drawn line is the same as with all points, and every kept point is a true one: its bar and its value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

DIGITS = 8  # significant, of the numbers in a page
_MS = 10**6  # ns


def m4(values: np.ndarray, n_points: int) -> np.ndarray:
    """Return the positions of the points to draw, increasing: all finite ones, or at most about `n_points` of them.

    Parameters
    ----------
    values : float64 [n]
        NaN and infinite points are not drawn.
    n_points : int
        Four a bucket; the last bucket may be short.
    """
    at = np.flatnonzero(np.isfinite(values))
    size = bucket_size(len(at), n_points)
    if size == 1:
        return at
    n_buckets = -(-len(at) // size)
    padded = np.concatenate((at, np.full(n_buckets * size - len(at), at[-1])))
    buckets = values[padded].reshape(n_buckets, size)
    first = np.arange(n_buckets) * size
    picked = (first, first + buckets.argmin(axis=1), first + buckets.argmax(axis=1), first + size - 1)
    return np.unique(padded[np.concatenate(picked)])


def bucket_size(n: int, n_points: int) -> int:
    """Return how many of n points make a bucket of `m4`; 1: all are kept."""
    return 1 if n <= n_points else -(-n // max(1, n_points // 4))


def series(values: np.ndarray, n_points: int, also: np.ndarray | None = None) -> dict[str, Any]:
    """Return a series as JSON.

    Parameters
    ----------
    values : float64 [n]
    n_points : int
        About how many points are kept at most; see `m4`.
    also : int64, optional
        Bars that are kept besides, where their value is finite.

    Returns
    -------
    dict
        `y`; `x`, the first bar, then steps from point to point, None for 0, 1, 2, …; `every`, how many bars four points
        stand for, 1 if none is left out.
    """
    at = m4(values, n_points)
    if also is not None:
        at = np.union1d(at, also[np.isfinite(values[also])])
    whole = len(at) == len(values)
    return {
        "x": None if whole else np.diff(at, prepend=0).tolist(),
        "y": numbers(values[at]),
        "every": bucket_size(int(np.count_nonzero(np.isfinite(values))), n_points),
    }


def numbers(values: np.ndarray, digits: int = DIGITS) -> list[float | str | None]:
    """Return numbers to a number of significant digits; NaN as None, infinities as text."""
    array = np.asarray(values, np.float64)
    size = np.abs(array)
    usual = (size >= 1e-15) & (size < 1e15) | (size == 0.0)
    exponent = np.floor(np.log10(size, out=np.zeros_like(size), where=usual & (size > 0.0)))
    places = digits - 1 - exponent
    # a power of ten up to 22 is exact, and so the quotient is the float nearest to the decimal number
    up, down = 10.0 ** np.clip(places, 0, 22), 10.0 ** np.clip(-places, 0, 22)
    rounded = np.round(np.where(usual, array, 0.0) * up / down) * down / up
    if usual.all():
        whole = rounded.astype(np.int64)
        return whole.tolist() if np.array_equal(whole, rounded) else rounded.tolist()
    missing = np.isnan(array)
    found = rounded.astype(object)
    found[missing] = None
    for k in np.flatnonzero(~usual & ~missing).tolist():
        found[k] = number(float(array[k]), digits)
    return found.tolist()


def number(value: float, digits: int = DIGITS) -> float | str | None:
    """Return one number for a page: NaN is None, infinity is text, a whole number has no decimal point."""
    if value != value:
        return None
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def clock(times: np.ndarray, max_runs: int) -> dict[str, Any]:
    """Return the time of every bar as JSON: the first, then runs of equal steps, all in ms.

    Parameters
    ----------
    times : int64 [n]
        ns UTC.
    max_runs : int
        Beyond it, every k-th bar is exact and those between are spread evenly; `exact` is then false.

    Returns
    -------
    dict
        `n`, `first`, `steps` and `counts` (bar counts[0] is first + counts[0]·steps[0], and so on), `exact`.
    """
    ms = np.asarray(times, np.int64) // _MS
    steps, counts = _runs(np.diff(ms))
    exact = len(steps) <= max_runs
    if not exact:
        kept = np.unique(np.append(np.arange(0, len(ms), -(-len(ms) // max_runs)), len(ms) - 1))
        counts = np.diff(kept)
        steps = np.diff(ms[kept]) / counts
    listed = [int(step) if float(step).is_integer() else round(float(step), 3) for step in steps]
    return {"n": len(ms), "first": int(ms[0]), "steps": listed, "counts": counts.tolist(), "exact": exact}


def _runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of runs of equal values, and how long each is."""
    if len(values) == 0:
        return values, np.zeros(0, np.int64)
    starts = np.flatnonzero(np.diff(values, prepend=values[0] - 1))
    return values[starts], np.diff(starts, append=len(values))
