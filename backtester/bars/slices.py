"""Which rows a key means: positions, dates (sessions) and times (closes)."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.check import time_text
from backtester.errors import DataError

if TYPE_CHECKING:
    from backtester.bars.panel import Bars

_COARSE = ("Y", "M", "W", "D")


def rows(bars: Bars, key: Any) -> slice:
    """Return the rows of `bars[key]` as a slice of positions with at least one row.

    Raises
    ------
    DataError
        If the key is no position, date or time, or names no row.
    """
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        n, at = bars.n_bars, int(key)
        if not -n <= at < n:
            raise DataError(f"bars[{at}]: there are {n} bars, so positions from {-n} to {n - 1}")
        return slice(at % n, at % n + 1)
    if not isinstance(key, slice):
        first, last = _bounds(bars, key)
        return _checked(bars, key, first, last)
    if key.step not in (None, 1):
        raise DataError(f"bars[…:…:{key.step}]: bars cannot be skipped or reversed; use bars.resample for longer bars")
    ends = [e for e in (key.start, key.stop) if e is not None]
    if all(isinstance(e, int | np.integer) and not isinstance(e, bool) for e in ends):
        first, last, _ = key.indices(bars.n_bars)
        return _checked(bars, key, first, last)
    first = 0 if key.start is None else _bounds(bars, key.start)[0]
    last = bars.n_bars if key.stop is None else _bounds(bars, key.stop)[1]
    return _checked(bars, key, first, last)


def _checked(bars: Bars, key: Any, first: int, last: int) -> slice:
    if last <= first:
        shown = f"{key.start!r}:{key.stop!r}" if isinstance(key, slice) else repr(key)
        begin, end = time_text(int(bars.timestamps[0])), time_text(int(bars.timestamps[-1]))
        raise DataError(f"bars[{shown}] has no bar; the {bars.n_bars} bars run from {begin} to {end}")
    return slice(first, last)


def _bounds(bars: Bars, moment: Any) -> tuple[int, int]:
    """Return the first row at or after `moment`, and the first row after it."""
    by_session, begin, end = span(moment)
    clock = bars.sessions if by_session else bars.timestamps
    return int(np.searchsorted(clock, begin, "left")), int(np.searchsorted(clock, end, "left"))


def span(moment: Any) -> tuple[bool, int, int]:
    """Return (sessions or closes, from, up to but not including) for a date or a time.

    Raises
    ------
    DataError
        If it is neither.
    """
    if isinstance(moment, str):
        return _text_span(moment)
    if isinstance(moment, np.datetime64):
        return _unit_span(moment)
    if isinstance(moment, dt.datetime):  # pandas.Timestamp is one
        if moment.tzinfo is None and (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
            return _unit_span(np.datetime64(moment.date(), "D"))
        if hasattr(moment, "as_unit"):  # a pandas.Timestamp keeps its nanoseconds
            at = int(moment.as_unit("ns").value)
        else:
            naive = moment if moment.tzinfo is None else moment.astimezone(dt.UTC).replace(tzinfo=None)
            at = int(np.datetime64(naive, "ns").astype(np.int64))
        return False, at, at + 1
    if isinstance(moment, dt.date):
        return _unit_span(np.datetime64(moment, "D"))
    raise DataError(f"bars[{moment!r}]: take a position, a slice, a date such as '2010-05', a time or a column name")


def _text_span(text: str) -> tuple[bool, int, int]:
    plain = text.strip()
    if re.search(r"(Z|[+-]\d{2}:?\d{2})$", plain[10:]):
        try:
            return span(dt.datetime.fromisoformat(plain))
        except ValueError:
            pass
    elif re.match(r"\d{4}($|-\d{2}($|-\d{2}($|[T ]\d{2})))", plain):
        try:
            return _unit_span(np.datetime64(plain))
        except ValueError:
            pass
    raise DataError(f"bars[{text!r}]: not a date or time; write it like '2010', '2010-05-03' or '2010-05-03 16:00'")


def _unit_span(moment: np.datetime64) -> tuple[bool, int, int]:
    """Return the span that a datetime64 covers: a day or longer means sessions, a shorter unit closes."""
    if np.isnat(moment):
        raise DataError("bars[NaT]: not a time")
    unit = np.datetime_data(moment.dtype)[0]
    scale = "D" if unit in _COARSE else "ns"
    if scale == "ns" and unit == "ns":
        at = int(moment.astype(np.int64))
        return False, at, at + 1
    begin = moment.astype(f"M8[{scale}]").astype(np.int64)
    end = (moment + 1).astype(f"M8[{scale}]").astype(np.int64)
    return scale == "D", int(begin), int(end)
