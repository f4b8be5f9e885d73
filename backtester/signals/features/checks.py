"""What every feature is checked for: its shape, and that it is finite from its warm-up on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import FeatureError

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.signals.features.element import Feature, View

Floats = npt.NDArray[np.float64]


def columns_of(element: Feature, view: View) -> list[Floats]:
    """Return the columns of an element, each [n_bars, n_assets]; an error of its code says whose it is."""
    try:
        values = element.compute(view)
    except Exception as error:
        if not isinstance(error, FeatureError):
            error.add_note(f"while computing feature {element.columns[0]!r}")
        raise
    array = shaped(element.columns, values, view.bars)
    return [array] if array.ndim == 2 else [array[:, :, k] for k in range(array.shape[2])]


def shaped(columns: tuple[str, ...], values: npt.ArrayLike, bars: Bars) -> Floats:
    """Return what an element computed as float64 [n_bars, n_assets] for one column, [n_bars, n_assets, k] for k.

    Raises
    ------
    FeatureError
        If it holds no real numbers, or has another shape; [n_bars] is one value for all assets.
    """
    name = columns[0] if len(columns) == 1 else f"{columns[0]} … {columns[-1]}"
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise FeatureError(f"feature {name!r}: it gives {array.dtype} values; a feature is real numbers")
    per_asset = (bars.n_bars, bars.n_assets)
    wanted = per_asset if len(columns) == 1 else (*per_asset, len(columns))
    if array.shape == per_asset[:1] and len(columns) == 1:
        array = np.broadcast_to(array[:, np.newaxis], per_asset)
    if array.shape != wanted:
        length = f"it is of the wrong length, {array.shape[0]} for {bars.n_bars} bars: " if _long(array, bars) else ""
        one = f" or ({bars.n_bars},)" if len(columns) == 1 else ""
        raise FeatureError(
            f"feature {name!r}: {length}shape {array.shape}, and it must be {wanted}{one}: one value for each bar "
            "and asset, NaN where there is none yet"
        )
    return array.astype(np.float64, copy=False)


def _long(array: npt.NDArray[np.generic], bars: Bars) -> bool:
    return array.ndim > 0 and array.shape[0] != bars.n_bars


def hold(values: Floats, limit: int | None) -> Floats:
    """Return `values` [n_bars, n_assets] with NaN replaced by the last value before it, at most `limit` bars old."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    rows = np.arange(len(values))[:, np.newaxis]
    last = np.maximum.accumulate(np.where(missing, -1, rows), axis=0)
    found = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    too_old = last < 0 if limit is None else (last < 0) | (rows - last > limit)
    return np.where(too_old, np.nan, found)


def check_finite(name: str, values: Floats, bars: Bars) -> None:
    """Check one feature, [n_bars, n_assets]: never infinite, and never NaN at a bar after the first finite value.

    Raises
    ------
    FeatureError
        Naming the feature, the symbol and the time. Where an asset has no bar, NaN is no error.
    """
    finite = np.isfinite(values)
    rows = np.flatnonzero(~finite.all(axis=1))
    if not rows.size:
        return
    end = rows[-1] + 1  # what is finite to the end of the data need not be looked at again
    values, finite = values[:end], finite[:end]
    check_no_infinity(name, values, bars)
    begun = np.logical_or.accumulate(finite, axis=0)
    wrong = ~finite & begun & ~np.isnan(bars.close[:end])
    if wrong.any():
        t, a = np.argwhere(wrong)[0]
        first = int(np.argmax(finite[:, a]))
        raise FeatureError(
            f"feature {name!r}: NaN for {_place(bars, t, a)}, although it is finite from bar {first} on and there is "
            f"a bar; {wrong.sum():,} such values. Give a value there, or let the last one stand in: Features(…, hold=…)"
        )


def check_no_infinity(name: str, values: Floats, bars: Bars) -> None:
    """Check that one feature, [n_bars, n_assets], is never infinite.

    Raises
    ------
    FeatureError
        Naming the feature, the symbol and the time.
    """
    infinite = np.isinf(values)
    if infinite.any():
        t, a = np.argwhere(infinite)[0]
        raise FeatureError(
            f"feature {name!r}: {values[t, a]} for {_place(bars, t, a)}; a feature is finite, or NaN before its "
            f"warm-up is over. Look for a division by zero or the logarithm of 0 ({infinite.sum():,} such values)"
        )


def _place(bars: Bars, t: int, a: int) -> str:
    return f"{bars.symbols[a]} at bar {t} ({time_text(int(bars.timestamps[t]))})"
