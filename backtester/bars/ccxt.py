"""What ccxt hands out: rows `[ms of the open, open, high, low, close, volume]`, timeframes, and funding rates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.check import COLUMNS, bad
from backtester.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_TIMEFRAME = re.compile(r"(\d+)([smhdwMy])")
_UNITS = {"s": "s", "m": "min", "h": "h", "d": "D", "w": "W"}  # of ccxt, and what pandas calls them


def fundings(given: Any, times: np.ndarray, length: pd.Timedelta | None, symbol: str) -> np.ndarray:
    """Return the funding rate of each bar, 0 where there is none: the sum of those from its open to the next.

    Parameters
    ----------
    given : sequence of mapping
        What `fetch_funding_rate_history` returned: `timestamp` (ms) and `fundingRate`.
    times : ndarray, shape (n_rows,)
        The opens of the bars in ms.
    length : Timedelta, optional
        Of a bar; what comes later than that after the last open belongs to no bar.
    symbol : str
        For errors.

    Raises
    ------
    DataError
        If an entry is not of that form.
    """
    rates = np.zeros(times.size)
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise DataError(f"{symbol + ': ' if symbol else ''}funding: give what fetch_funding_rate_history returned")
    if times.dtype.kind not in "iuf":
        return rates  # refused when it is read
    order = np.argsort(times, kind="stable")
    opens = times[order]
    step = np.median(np.diff(opens)) if length is None and times.size > 1 else 0.0
    end = opens[-1] + (step if length is None else length.value / 1e6)
    for at, entry in enumerate(given):
        try:
            moment, rate = float(entry["timestamp"]), float(entry["fundingRate"])
        except (TypeError, KeyError, ValueError, IndexError):
            moment = rate = np.nan
        if not np.isfinite(moment + rate):
            raise bad(
                "an entry of funding has a timestamp in ms and a fundingRate",
                "Give what fetch_funding_rate_history returned",
                symbol=symbol,
                row=at,
                column="funding",
                value=str(entry),
            )
        if opens[0] <= moment < end:
            rates[order[np.searchsorted(opens, moment, "right") - 1]] += rate
    return rates


def read_rows(rows: Any, timeframe: str | None, symbol: str) -> tuple[dict[str, pd.DataFrame], pd.Timedelta | None]:
    """Return symbol → frame of rows, and how long a bar is, where it is told.

    Parameters
    ----------
    rows : sequence of rows, or mapping of symbol to rows or to `{timeframe: rows}`
        A row has the time of the open in ms, open, high, low, close and volume; a seventh value is left out.
    timeframe : str, optional
        In ccxt's words.
    symbol : str
        The name of rows without one.

    Raises
    ------
    DataError
        If rows or timeframe are not of ccxt's form, or rows are nearer than a bar is long.
    """
    import pandas as pd

    if not isinstance(rows, Mapping):
        rows = {symbol: rows}
    elif not rows:
        raise DataError("an empty mapping; give {symbol: rows}")
    elif symbol:
        raise DataError(f"symbol = {symbol!r} beside a mapping of symbol to rows; leave one of the two out")
    frames: dict[str, pd.DataFrame] = {}
    for name, given in rows.items():
        if isinstance(given, Mapping):  # as watchOHLCVForSymbols has it
            timeframe, given = _one_timeframe(given, timeframe, str(name))
        frames[str(name)] = pd.DataFrame(_six(given, str(name)), columns=["time", *COLUMNS])
        _in_ms(frames[str(name)]["time"].to_numpy(), str(name))
    if timeframe is None:
        return frames, None
    length = _length(timeframe)
    for name, frame in frames.items():
        _apart(frame["time"].to_numpy(), length, timeframe, name)
    return frames, length


def _six(rows: Any, symbol: str) -> list[list[Any]]:
    """Return rows of time, open, high, low, close and volume; None is NaN.

    Raises
    ------
    DataError
        If it is no list of such rows.
    """
    head = f"{symbol}: " if symbol else ""
    if isinstance(rows, str | bytes) or not isinstance(rows, Sequence | np.ndarray):
        raise DataError(
            f"{head}got {type(rows).__name__}; give the rows of fetch_ohlcv, [ms, open, high, low, close, volume]. "
            "A frame goes to Bars.from_frame(frame, label='open')"
        )
    if not len(rows):
        raise DataError(f"{head}no rows; the exchange returned nothing. Ask for another range (since=)")
    for at, row in enumerate(rows):
        if not isinstance(row, Sequence | np.ndarray) or isinstance(row, str) or not 6 <= len(row) <= 7:
            shown = repr(row)
            raise bad(
                "a row is [ms, open, high, low, close, volume]",
                "Give the rows as fetch_ohlcv returned them",
                symbol=symbol,
                row=at,
                value=shown if len(shown) <= 80 else f"{shown[:77]}...",
            )
    return [list(row[:6]) for row in rows]


def _one_timeframe(given: Mapping[str, Any], timeframe: str | None, symbol: str) -> tuple[str, Any]:
    """Return (timeframe, rows) of `{timeframe: rows}`."""
    if timeframe in given:
        return str(timeframe), given[timeframe]  # type: ignore[index]
    if timeframe is None and len(given) == 1:
        return next(iter(given.items()))
    raise DataError(f"{symbol}: timeframes {', '.join(given)}; say which with timeframe=, and found {timeframe!r}")


def _length(timeframe: str) -> pd.Timedelta:
    """Return the length of a bar of ccxt, such as "5m", "1h" or "1w".

    Raises
    ------
    DataError
        If it is none, or a month or a year, which have no fixed length.
    """
    import pandas as pd

    match = _TIMEFRAME.fullmatch(str(timeframe))
    if not match or int(match.group(1)) == 0:
        raise DataError(f"timeframe = {timeframe!r}: write it as ccxt does, such as '5m', '1h' or '1d'")
    count, unit = match.groups()
    if unit not in _UNITS:
        raise DataError(f"timeframe = {timeframe!r} has no fixed length. Fetch '1d', and bars.resample('1ME')")
    return pd.Timedelta(f"{count}{_UNITS[unit]}")


def _in_ms(times: np.ndarray, symbol: str) -> None:
    """Raise where all times are too small for ms; what is no number is refused when it is read."""
    if times.dtype.kind in "iuf" and np.nanmax(times) < 1e11:
        raise bad(
            "times are ms since 1970, and this is early in it",
            "Are they seconds? Multiply them by 1000",
            symbol=symbol,
            row=0,
            column="time",
            value=times[0].item(),
        )


def _apart(times: np.ndarray, length: pd.Timedelta, timeframe: str, symbol: str) -> None:
    """Raise where two rows are nearer than a bar is long; what is no number or not sorted is refused later."""
    if times.dtype.kind not in "iuf":
        return
    steps = np.diff(times)
    near = np.flatnonzero((steps > 0) & (steps < length.value // 1_000_000))
    if near.size:
        row = int(near[0]) + 1
        raise bad(
            f"a bar of {timeframe} cannot begin {steps[near[0]] / 60_000:g} minutes after the one before",
            "Pass the timeframe that was fetched",
            symbol=symbol,
            row=row,
            time=f"{np.datetime64(int(times[row]), 'ms').astype('M8[s]')}Z",
        )
