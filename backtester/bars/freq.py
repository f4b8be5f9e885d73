"""Lengths of time by name: `"5min"`, `"1h"`, `"1D"`, `"W-FRI"`, `"1ME"`, in the spelling of pandas offset aliases.

A step shorter than a day divides the UTC day (or, if it does not divide it, counts from its start); a day is a
session; weeks, months, quarters and years are made of sessions.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from backtester.bars.clock import DAY
from backtester.errors import DataError

Ints = npt.NDArray[np.int64]
Kind = Literal["time", "day", "week", "month"]

_TIMES = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "sec": 1_000_000_000,
    "min": 60_000_000_000,
    "t": 60_000_000_000,
    "h": 3_600_000_000_000,
    "hour": 3_600_000_000_000,
}
_MONTHS = {"ME": 1, "MS": 1, "M": 1, "QE": 3, "QS": 3, "Q": 3, "YE": 12, "YS": 12, "Y": 12, "A": 12}
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONDAY = -3  #: 1969-12-29, a Monday, as days since 1970-01-01


@dataclass(frozen=True)
class Step:
    """A length of time.

    Attributes
    ----------
    kind : {"time", "day", "week", "month"}
    count : int
        ns, sessions, weeks or months.
    anchor : int
        Of weeks: the weekday on which they end, Monday = 0.
    """

    kind: Kind
    count: int
    anchor: int = 6

    def groups(self, timestamps: Ints, sessions: Ints) -> Ints:
        """Return the number of the period that each bar belongs to; it does not decrease within a session.

        A bar that closes at the end of a period belongs to it. Periods of time are numbered within the UTC day of
        timestamp − 1 ns.
        """
        if self.kind == "time":
            return (timestamps - 1) // DAY * (DAY // self.count + 1) + (timestamps - 1) % DAY // self.count
        if self.kind == "day":
            return sessions // self.count
        if self.kind == "week":
            return (sessions - _MONDAY + 6 - self.anchor) // (7 * self.count)
        months = sessions.view("M8[D]").astype("M8[M]").astype(np.int64)
        return months // self.count

    def ends(self, timestamps: Ints, sessions: Ints) -> Ints:
        """Return the end of each bar's period: ns UTC for a step of time, else the last session of the period."""
        if self.kind == "time":
            day = (timestamps - 1) // DAY
            within = (timestamps - 1) % DAY // self.count + 1
            return day * DAY + np.minimum(within * self.count, DAY)
        group = self.groups(timestamps, sessions)
        if self.kind == "day":
            return (group + 1) * self.count - 1
        if self.kind == "week":
            return (group + 1) * (7 * self.count) + _MONDAY - 7 + self.anchor
        return ((group + 1) * self.count).view("M8[M]").astype("M8[D]").astype(np.int64) - 1


def parse(freq: Any) -> Step:
    """Return the step that a name means.

    Parameters
    ----------
    freq : str or timedelta
        A count (default 1) and one of s, min, h, D (sessions), W (weeks that end on Sunday; W-FRI on Friday), ME or M
        (months), QE or Q, YE or Y.

    Raises
    ------
    DataError
        If it means nothing, or could mean minutes and months.
    """
    if isinstance(freq, Step):
        return freq
    if isinstance(freq, dt.timedelta):
        ns = int(getattr(freq, "value", round(freq / dt.timedelta(microseconds=1)) * 1000))
        if ns > 0:
            return _time(ns, freq)
        raise DataError(f"freq = {freq!r} must be above zero")
    match = re.fullmatch(r"\s*(\d*)\s*([A-Za-z]+)(?:-([A-Za-z]{3}))?\s*", str(freq))
    if not match or match.group(1) == "0" * len(match.group(1)) != "":
        raise DataError(f"freq = {freq!r} is not a length of time; write it like '5min', '1h', '1D', '1W' or '1ME'")
    count, unit, anchor = int(match.group(1) or 1), match.group(2), (match.group(3) or "").upper()
    if unit == "m":
        raise DataError(f"freq = {freq!r}: write {count}min for minutes, {count}ME for months")
    if unit.upper() in ("W", "WEEK") and (not anchor or anchor in _DAYS):
        return Step("week", count, _DAYS.index(anchor) if anchor else 6)
    if not anchor:
        if unit.lower() in _TIMES:
            return _time(count * _TIMES[unit.lower()], freq)
        if unit.upper() in ("D", "DAY", "B"):
            return Step("day", count)
    if unit.upper() in _MONTHS and anchor in ("", "DEC"):
        return Step("month", count * _MONTHS[unit.upper()])
    raise DataError(f"freq = {freq!r} is not a length of time; write it like '5min', '1h', '1D', '1W' or '1ME'")


def _time(ns: int, freq: Any) -> Step:
    if ns < DAY:
        return Step("time", ns)
    if ns % DAY:
        raise DataError(f"freq = {freq!r}: a step longer than a day is a whole number of days")
    return Step("day", ns // DAY)
