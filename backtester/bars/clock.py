"""Time: what a stamp says, when a bar closes, and which session it belongs to.

Inside the package a bar has one time, its close, as int64 ns UTC, and one session, a number of days since 1970-01-01.
`closes` turns the stamps of a source into both; `exchanges` does so by an exchange's sessions.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from backtester.bars.check import bad, time_text
from backtester.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]
Label = Literal["close", "open", "date"]

DAY = 86_400_000_000_000
UNKNOWN = np.iinfo(np.int64).max  #: the end of a session of which only the label is known
LABELS = ("close", "open", "date")


def utc_sessions(timestamps: Ints) -> Ints:
    """Return the UTC date of timestamp − 1 ns, as days since 1970-01-01."""
    return (timestamps - 1) // DAY


def session_offset(session_close: str | dt.time) -> int:
    """Return a time of day such as `"16:00"` as ns after local midnight; `"24:00"` is the end of the day.

    Raises
    ------
    DataError
        If it is not a time of day.
    """
    if isinstance(session_close, dt.time):
        session_close = session_close.isoformat("seconds")
    match = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", str(session_close).strip())
    if match:
        hours, minutes, seconds = (int(g or 0) for g in match.groups())
        total = hours * 3600 + minutes * 60 + seconds
        if minutes < 60 and seconds < 60 and 0 < total <= 86_400:
            return total * 1_000_000_000
    raise DataError(
        f"session_close = {session_close!r} is not a time of day; write it like '16:00' ('24:00' is midnight)"
    )


def moment(now: Any) -> int:
    """Return a moment as ns UTC: a time, ISO text, or a number since 1970; without a zone it is UTC.

    Raises
    ------
    DataError
        If it is none.
    """
    import pandas as pd

    from backtester.bars.stamps import read_stamps

    stamps = read_stamps(pd.Series([now]), column="now", symbol="", date_format=None, unit=None, tz=None)
    return int(to_ns(stamps)[0])


def stamp_text(stamp: pd.Timestamp) -> str:
    """Return a stamp as the source has it; of a midnight without a zone only the date."""
    return str(stamp.date()) if stamp.tzinfo is None and stamp == stamp.normalize() else str(stamp)


def zone_name(tz: Any) -> Any:
    """Return `tz` if it names a time zone.

    Raises
    ------
    DataError
        If it does not.
    """
    if tz is None:
        return None
    import zoneinfo

    import pandas as pd

    try:
        pd.DatetimeIndex([]).tz_localize(tz)
    except (ValueError, TypeError, KeyError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise DataError(f"tz = {tz!r} is not a time zone; write an IANA name such as 'America/New_York'") from None
    return tz


def infer_label(stamps: pd.DatetimeIndex, column: str) -> Label:
    """Return what the stamps say, where the user did not.

    `close_time` and `open_time` say it themselves; stamps that are all at midnight, in their own zone, are dates;
    anything else is taken for the close.
    """
    name = re.sub(r"[\s_]+", "", column).lower()
    if name in ("closetime", "opentime"):
        return "close" if name == "closetime" else "open"
    return "date" if len(stamps) and bool((stamps == stamps.normalize()).all()) else "close"


def closes(
    stamps: pd.DatetimeIndex,
    *,
    label: Label,
    session_close: str | dt.time | None = None,
    tz: Any = None,
    bar_length: Any = None,
    symbol: str = "",
) -> tuple[Ints, Ints | None, Ints | None]:
    """Return the close of each bar, and its session where that is not the UTC day.

    Parameters
    ----------
    stamps : DatetimeIndex
        As the source gives them: naive, or in a zone.
    label : {"close", "open", "date"}
        `"close"`: the stamp is the close. `"open"`: the close is the stamp plus the length of a bar, and never after
        the next stamp; the length is `bar_length`, or the most frequent step between stamps, so that no bar reaches
        across a night or a weekend. `"date"`: the stamp is a calendar date; the bar closes at `session_close` of that
        date in `tz`, by default when the day ends there.
    session_close : str or datetime.time, optional
        Time of day, in `tz`, at which a session ends. Later bars belong to the next date's session.
    tz : str or tzinfo, optional
        The zone of naive stamps, and of `session_close`. Default: the zone of the stamps; UTC for naive dates.
    bar_length : str or Timedelta, optional
        With `label="open"`.
    symbol : str
        For errors.

    Returns
    -------
    timestamps : ndarray of int64
        The closes, ns UTC.
    sessions, session_ends : ndarray of int64, or None
        None where sessions are UTC days.

    Raises
    ------
    DataError
        If stamps are naive and no zone is known, do not exist in their zone or exist twice, or carry a time of day
        although they are dates.
    """
    offset = DAY if session_close is None else session_offset(session_close)
    if label == "date":
        return _date_closes(stamps, offset, session_close is None, tz, symbol)
    timestamps = in_utc(stamps, tz, symbol)
    if label == "open":
        timestamps = after(timestamps, bar_length, symbol)
    if session_close is None:
        return timestamps, None, None
    zone = stamps.tz if tz is None else tz
    days = (_wall(timestamps, zone) - 1 + DAY - offset) // DAY
    return timestamps, days, _local_close(days, offset, zone, symbol)


def in_utc(stamps: pd.DatetimeIndex, tz: Any, symbol: str) -> Ints:
    """Return stamps with a time of day as ns UTC; `tz` is the zone of naive ones.

    Raises
    ------
    DataError
        If they are naive and `tz` is None, or a local time does not exist in `tz`, or exists twice.
    """
    if stamps.tz is None:
        if tz is None:
            raise bad(
                "intraday times need a zone",
                "Pass tz=, such as 'UTC' or 'America/New_York'",
                symbol=symbol,
                row=0,
                column="time",
                value=str(stamps[0]),
            )
        stamps = _localize(stamps, tz, symbol)
    return to_ns(stamps.tz_convert("UTC"))


def dates_of(stamps: pd.DatetimeIndex, symbol: str) -> Ints:
    """Return stamps that are calendar dates, in their own zone, as days since 1970-01-01.

    Raises
    ------
    DataError
        If one has a time of day.
    """
    wall = to_ns(stamps if stamps.tz is None else stamps.tz_localize(None))
    late = np.flatnonzero(wall % DAY)
    if late.size:
        raise bad(
            'label="date" takes dates, and this has a time of day',
            'Use label="close" or label="open"',
            symbol=symbol,
            row=int(late[0]),
            column="time",
            value=str(stamps[late[0]]),
        )
    return wall // DAY


def _date_closes(
    stamps: pd.DatetimeIndex, offset: int, whole_day: bool, tz: Any, symbol: str
) -> tuple[Ints, Ints | None, Ints | None]:
    days = dates_of(stamps, symbol)
    zone = tz if tz is not None else stamps.tz
    if whole_day and (zone is None or str(zone) in ("UTC", "utc", "Etc/UTC")):
        return (days + 1) * DAY, None, None
    ends = _local_close(days, offset, "UTC" if zone is None else zone, symbol)
    return ends.copy(), days, ends


def _local_close(days: Ints, offset: int, tz: Any, symbol: str) -> Ints:
    """Return, as ns UTC, the moment `offset` after the start of each local day."""
    import pandas as pd

    unique, back = np.unique(days, return_inverse=True)
    wall = pd.DatetimeIndex((unique * DAY + offset).view("M8[ns]"))
    aware = wall.tz_localize(tz, ambiguous=np.zeros(len(wall), dtype=bool), nonexistent="shift_forward")
    return to_ns(aware.tz_convert("UTC"))[back]


def _localize(stamps: pd.DatetimeIndex, tz: Any, symbol: str) -> pd.DatetimeIndex:
    """Return naive stamps in their zone; an hour that the clocks skip or repeat there is an error."""
    try:
        return stamps.tz_localize(tz)
    except ValueError as error:
        gone = stamps.tz_localize(tz, ambiguous="NaT", nonexistent="NaT")
        wrong = np.flatnonzero(gone.isna() & stamps.notna())
        if not wrong.size:
            raise DataError(f"times cannot be read in zone {tz!r}: {error}") from None
        raise bad(
            f"this local time does not exist in {tz}, or exists twice (the clocks change)",
            "Give the times in UTC, or with their offset",
            symbol=symbol,
            row=int(wrong[0]),
            column="time",
            value=str(stamps[wrong[0]]),
        ) from None


def after(opens: Ints, bar_length: Any, symbol: str) -> Ints:
    """Return the closes of bars labelled by their opens: see `closes`.

    Raises
    ------
    DataError
        If `bar_length` is no length of time, or is left out and there is one bar only.
    """
    import pandas as pd

    steps = np.diff(opens)
    if bar_length is not None:
        try:
            length = pd.Timedelta(bar_length).value
        except ValueError:
            raise DataError(f"bar_length = {bar_length!r} is not a length of time; write it like '1h'") from None
        if length <= 0:
            raise DataError(f"bar_length = {bar_length!r} must be above zero")
    else:
        ahead = steps[steps > 0]
        if not ahead.size:
            when = time_text(int(opens[0])) if opens.size else ""
            raise DataError(f"{symbol} {when}: one bar does not tell how long bars are. Pass bar_length=".strip())
        values, counts = np.unique(ahead, return_counts=True)
        length = int(values[np.argmax(counts)])
    ends = opens + length
    ends[:-1] = np.where(steps > 0, np.minimum(ends[:-1], opens[1:]), ends[:-1])
    return ends


def _wall(timestamps: Ints, tz: Any) -> Ints:
    """Return the local wall clock of UTC instants, as ns since 1970-01-01 local."""
    import pandas as pd

    utc = pd.DatetimeIndex(timestamps.view("M8[ns]")).tz_localize("UTC")
    return to_ns(utc.tz_convert(tz).tz_localize(None))


def to_ns(index: pd.DatetimeIndex) -> Ints:
    """Return int64 ns of an index, whatever its unit.

    Raises
    ------
    DataError
        If a time lies outside what 64 bits of ns can say.
    """
    import pandas as pd

    try:
        values = index.as_unit("ns").asi8
    except (pd.errors.OutOfBoundsDatetime, OverflowError):
        raise DataError(f"times must lie between 1678 and 2262; found {index.min()} to {index.max()}") from None
    return np.array(values, dtype=np.int64)
