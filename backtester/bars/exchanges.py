"""Sessions of an exchange: when each opens and closes, early closes and holidays included.

The calendars are those of the package exchange_calendars, by their names (`"XNYS"`, `"XTKS"`, `"24/7"`, …). It is
imported when a calendar is asked for and not before: `pip install 'backtester[calendars]'`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from backtester.bars.check import bad, near
from backtester.bars.clock import DAY, Label, after, dates_of, in_utc, stamp_text, to_ns
from backtester.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]
Outside = Literal["error", "drop"]
OUTSIDE = get_args(Outside)

_MARGIN = 40  # days before and after the bars, so that no session at the edge is missed however long a closure


@dataclass(frozen=True)
class ExchangeSessions:
    """The sessions of an exchange between two dates.

    Attributes
    ----------
    name : str
        The calendar.
    tz : str
        The exchange's zone.
    labels : ndarray of int64, shape (n_sessions,)
        The date of each session, days since 1970-01-01, increasing.
    opens, closes : ndarray of int64, shape (n_sessions,)
        When it opens and closes, ns UTC; `closes[i] <= opens[i + 1]`.
    """

    name: str
    tz: str
    labels: Ints
    opens: Ints
    closes: Ints

    def to_frame(self) -> pd.DataFrame:
        """Return one row per session: index `session` (dates), columns `open` and `close` in UTC."""
        import pandas as pd

        index = pd.DatetimeIndex(self.labels.view("M8[D]").astype("M8[ns]"), name="session")
        moments = {"open": self.opens, "close": self.closes}
        return pd.DataFrame(
            {key: pd.DatetimeIndex(value.view("M8[ns]")).tz_localize("UTC") for key, value in moments.items()},
            index=index,
        )


def exchange_sessions(calendar: str, start: Any, end: Any) -> ExchangeSessions:
    """Return the sessions of an exchange from `start` to `end`, both included.

    Parameters
    ----------
    calendar : str
        A name of exchange_calendars, such as `"XNYS"`.
    start, end : date, datetime64 or ISO text
        Dates of sessions.

    Raises
    ------
    DataError
        If exchange_calendars is not installed, has no such calendar, or does not know those years.

    Examples
    --------
    >>> from backtester.bars.exchanges import exchange_sessions
    >>> exchange_sessions("XNYS", "2023-11-22", "2023-11-24").to_frame()["close"].dt.strftime("%H:%M").tolist()
    ['21:00', '18:00']
    """
    try:
        first, last = (int(np.datetime64(day, "D").astype(np.int64)) for day in (start, end))
    except (ValueError, TypeError):
        raise DataError(f"start = {start!r}, end = {end!r}: give dates, such as '2023-11-22'") from None
    found = _load(calendar, first, last)
    inside = slice(*np.searchsorted(found.labels, (first, last + 1)))
    return ExchangeSessions(found.name, found.tz, found.labels[inside], found.opens[inside], found.closes[inside])


def calendar_closes(
    stamps: pd.DatetimeIndex,
    *,
    calendar: str,
    outside: Outside,
    label: Label,
    tz: Any = None,
    bar_length: Any = None,
    missing: npt.NDArray[np.bool_] | None = None,
    symbol: str = "",
) -> tuple[npt.NDArray[np.intp], Ints, Ints, Ints]:
    """Return the close of each bar, its session and the session's close, by an exchange's calendar.

    A date closes with its session. A bar with a time of day belongs to the session that it lies in: its close is after
    the session's open and not after its close; a bar labelled by its open is cut off at the session's close.

    Parameters
    ----------
    stamps : DatetimeIndex
        As the source gives them: naive, or in a zone.
    calendar : str
        The name.
    outside : {"error", "drop"}
        What becomes of bars outside all sessions.
    label : {"close", "open", "date"}
        What the stamps stand for.
    tz : str or tzinfo, optional
        The zone of naive stamps.
    bar_length : str or Timedelta, optional
        With `label="open"`.
    missing : ndarray of bool, optional
        True where a row is no bar (no prices); outside sessions it is left out whatever `outside` says.
    symbol : str
        For errors.

    Returns
    -------
    kept : ndarray of int
        The positions of the bars that lie in a session.
    timestamps, sessions, session_ends : ndarray of int64
        Of those: the close (ns UTC), the session's date (days since 1970-01-01), the session's close (ns UTC).

    Raises
    ------
    DataError
        If a bar lies outside all sessions and `outside` is `"error"`, or all do; if the calendar is not known.
    """
    if label == "date":
        days = dates_of(stamps, symbol)
        known = _load(calendar, int(days.min()), int(days.max()))
        at = np.searchsorted(known.labels, days)
        inside = known.labels[np.minimum(at, known.labels.size - 1)] == days
        times = days
    else:
        times = in_utc(stamps, tz, symbol)
        known = _load(calendar, int(times.min() // DAY), int(times.max() // DAY))
        if label == "open":
            at = np.searchsorted(known.opens, times, "right") - 1
            inside = (at >= 0) & (times < known.closes[at])
            times = after(times, bar_length, symbol)
            times = np.where(inside, np.minimum(times, known.closes[at]), times)
        else:
            at = np.searchsorted(known.closes, times, "left")
            at, there = np.minimum(at, known.closes.size - 1), at < known.closes.size
            inside = there & (times > known.opens[at])
    wrong = ~inside if missing is None else ~(inside | missing)
    if wrong.any() and (outside == "error" or not inside.any()):
        raise _outside(stamps, wrong, known, label, symbol)
    kept = np.flatnonzero(inside)
    if not kept.size:
        raise bad(f"no bar lies in a session of {known.name}", "Pass more data", symbol=symbol)
    at = at[kept]
    closes = known.closes[at]
    return kept, (closes.copy() if label == "date" else times[kept]), known.labels[at], closes


def calendar_for(calendar: str | Mapping[str, str] | None, symbol: str) -> str | None:
    """Return the calendar of one asset: the only one, or the one under its symbol.

    Raises
    ------
    DataError
        If a mapping has none for it.
    """
    if calendar is None or isinstance(calendar, str):
        return calendar
    if symbol not in calendar:
        known = ", ".join(map(repr, calendar))
        raise DataError(f"calendar: none for {symbol!r}{near(symbol, calendar)} There is one for {known}. Add it")
    return calendar[symbol]


def calendar_zone(calendar: str) -> str:
    """Return the zone of an exchange, such as `"America/New_York"`; raises as `exchange_sessions` does."""
    return _load(calendar, 18_262, 18_262).tz  # any day will do: 2020-01-01


def check_calendar(calendar: Any, outside: Any) -> None:
    """Raise where the options are not of the right kind; whether a name is known is seen when it is used.

    Raises
    ------
    DataError
        Naming the option and its value.
    """
    names = list(calendar.values()) if isinstance(calendar, Mapping) else [calendar]
    if not names:
        raise DataError("calendar is an empty mapping; give a name such as 'XNYS', or a mapping of symbol to name")
    for name in names:
        if name is not None and not isinstance(name, str):
            raise DataError(f"calendar = {name!r}: give a name such as 'XNYS', or a mapping of symbol to name")
    if outside not in OUTSIDE:
        raise DataError(f"outside_sessions = {outside!r}{near(outside, OUTSIDE)} Write 'error' or 'drop'")
    if calendar is None and outside != "error":
        raise DataError(f"outside_sessions = {outside!r} goes with calendar=, which says what the sessions are")


def _load(name: str, first_day: int, last_day: int) -> ExchangeSessions:
    """Return the sessions of a calendar around two days since 1970-01-01."""
    import pandas as pd

    try:
        import exchange_calendars
    except ImportError:
        raise DataError(
            f"calendar = {name!r} needs the package exchange_calendars. Install it: pip install 'backtester[calendars]'"
        ) from None
    known = exchange_calendars.get_calendar_names()
    if name not in known:
        raise DataError(
            f"calendar = {name!r}: exchange_calendars has none of that name{near(name.upper(), known)} "
            "exchange_calendars.get_calendar_names() lists them"
        )
    refusals = (exchange_calendars.errors.CalendarError, ValueError, NotImplementedError)
    first, last = first_day - _MARGIN, last_day + _MARGIN
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 4.13 calls what pandas 3.1 deprecates
        try:
            found = exchange_calendars.get_calendar(name, start=_text(first), end=_text(last))
        except refusals:  # some calendars begin or end somewhere: then without the margin beyond that
            bounds = type(exchange_calendars.get_calendar(name))
            low, high = bounds.bound_min(), bounds.bound_max()
            first = first if low is None else max(first, min(first_day, _day(low)))
            last = last if high is None else min(last, max(last_day, _day(high)))
            try:
                found = exchange_calendars.get_calendar(name, start=_text(first), end=_text(last))
            except refusals as error:
                raise DataError(
                    f"calendar = {name!r} does not reach from {_text(first_day)} to {_text(last_day)}: {error}"
                ) from None
    opens, closes = (to_ns(pd.DatetimeIndex(found.schedule[key])) for key in ("open", "close"))
    return ExchangeSessions(name, str(found.tz), to_ns(found.schedule.index) // DAY, opens, closes)


def _day(date: pd.Timestamp) -> int:
    return int(date.to_datetime64().astype("M8[D]").astype(np.int64))


def _text(day: int) -> str:
    return str(np.datetime64(day, "D"))


def _outside(
    stamps: pd.DatetimeIndex, wrong: npt.NDArray[np.bool_], known: ExchangeSessions, label: Label, symbol: str
) -> DataError:
    """Return the error of the first bar that lies in no session."""
    row = int(np.argmax(wrong))
    when = stamp_text(stamps[row])
    remedy = "Correct or drop the row, or pass outside_sessions='drop'"
    if label == "date":
        rule = f"{known.name} has no session on that day (a holiday or a weekend)"
    else:
        rule = f"{known.name} is closed then: the bar is in no session"
        remedy += '. Is it the time zone (tz=), or label="open" beside "close"?'
    more = f", the first of {int(wrong.sum())} such bars" if wrong.sum() > 1 else ""
    return bad(rule + more, remedy, symbol=symbol, row=row, time=when)
