"""Other futures of the same past: market data whose later rows are changed, to see what depends on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backtester.bars import Bars
from backtester.errors import SettingsError

PRICES = ("open", "high", "low", "close")


def scaled_from(data: Any, row: int) -> Any:
    """Return data whose rows from `row` on are multiplied by other numbers in every row.

    Parameters
    ----------
    data : Bars, ndarray, pandas.DataFrame, or dict of these
        Rows are the first axis. Prices and volume of bars; every number of an array or a frame.
    row : int
        The first row that changes.
    """

    def scale(values: np.ndarray) -> np.ndarray:
        changed = np.array(values, np.float64)
        later = np.arange(len(changed) - row)
        factors = 1.0 + 0.3 * np.sin(1.0 + 2.4 * later) + 0.001 * later
        changed[row:] *= factors.reshape(-1, *[1] * (changed.ndim - 1))
        return changed

    return _changed(data, lambda columns: {name: scale(values) for name, values in columns.items()})


def flat_between(data: Any, row: int, until: int) -> Any:
    """Return data in which no price moves in the rows after `row` up to `until`, and no event happens there.

    Parameters
    ----------
    data : Bars, ndarray, pandas.DataFrame, or dict of these
        A frame without a close, and an array, keep all numbers of `row`.
    row, until : int
        The last row before, and the last row of the standstill.
    """
    still = slice(row + 1, until + 1)

    def hold(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        held = {name: np.array(values, np.float64) for name, values in columns.items()}
        lower = {name.lower(): name for name in held}
        if "close" not in lower:
            for values in held.values():
                values[still] = values[row]
            return held
        last = _last_known(held[lower["close"]][: row + 1])
        for name in PRICES:
            if name in lower:
                values = held[lower[name]]
                values[still] = np.where(np.isnan(values[still]), np.nan, last)
        for name in held:
            if name.startswith(_EXTRA):
                held[name][still] = np.nan
        return held

    return _changed(data, hold)


_EXTRA = "extra "


def _last_known(values: np.ndarray) -> np.ndarray:
    """Return the last number that is not NaN of each column."""
    last = np.array(values[0], np.float64)
    for one in values[1:]:
        last = np.where(np.isnan(one), last, one)
    return last


def _changed(data: Any, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Any:
    if isinstance(data, Bars):
        return _changed_bars(data, change)
    if isinstance(data, Mapping):
        return {name: _changed(one, change) for name, one in data.items()}
    if isinstance(data, np.ndarray):
        return change({"values": data})["values"].astype(data.dtype)
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        numbers = data.select_dtypes("number")
        changed = change({str(name): numbers[name].to_numpy(np.float64) for name in numbers.columns})
        return data.assign(**{name: changed[str(name)] for name in numbers.columns})
    raise SettingsError(f"bars must be Bars, an array, a DataFrame or a dict of these, found {type(data).__name__}")


def _changed_bars(bars: Bars, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Bars:
    columns = {name: getattr(bars, name) for name in (*PRICES, "volume")}
    columns |= {_EXTRA + name: values for name, values in bars.extras.items()}
    changed = change(columns)
    return Bars.from_arrays(
        bars.timestamps,
        *(changed[name] for name in (*PRICES, "volume")),
        symbols=bars.symbols,
        extras={name[len(_EXTRA) :]: values for name, values in changed.items() if name.startswith(_EXTRA)},
        sessions=bars.sessions,
        session_ends=bars.session_ends,
        name=bars.name,
        allow_negative=bars.allow_negative,
        check=False,
    )
