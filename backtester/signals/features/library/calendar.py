"""Where the bar stands in the day, the week, the month and the year; the same for all assets, gaps included.

What a bar's calendar says is known before it closes, and uses no bar that comes later: a month's end is counted in days
of the calendar, Monday to Friday, not in the sessions that turn out to follow. Of sine and cosine both are needed to
tell morning from evening.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.bars.clock import DAY, UNKNOWN
from backtester.errors import FeatureError
from backtester.signals.features.library._register import register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_YEAR = 365.2425  # days, of the Gregorian calendar


@register()
def session_sin(prices: Bars) -> Floats:
    """Sine of the time from the close of the bar to the end of its session, a day being the circle."""
    return np.sin(_left(prices))


@register()
def session_cos(prices: Bars) -> Floats:
    """Cosine of the time from the close of the bar to the end of its session, a day being the circle."""
    return np.cos(_left(prices))


@register()
def weekday_sin(prices: Bars) -> Floats:
    """Sine of the weekday of the session, Monday at angle 0, a week of seven days being the circle."""
    return np.sin(_weekday(prices))


@register()
def weekday_cos(prices: Bars) -> Floats:
    """Cosine of the weekday of the session, Monday at angle 0, a week of seven days being the circle."""
    return np.cos(_weekday(prices))


@register()
def year_sin(prices: Bars) -> Floats:
    """Sine of the time of the year, 1 January at angle 0 (within the day that leap years shift it)."""
    return np.sin(_year(prices))


@register()
def year_cos(prices: Bars) -> Floats:
    """Cosine of the time of the year, 1 January at angle 0 (within the day that leap years shift it)."""
    return np.cos(_year(prices))


@register(k=1, numbers={"period": (0.0, np.inf)})
def fourier_sin(prices: Bars, period: float = 7, k: int = 1) -> Floats:
    """Sine of the time of the close, `k` turns in `period` days of 24 hours, at angle 0 on 1 January 1970, 0:00 UTC."""
    return np.sin(_turns(prices, period, k))


@register(k=1, numbers={"period": (0.0, np.inf)})
def fourier_cos(prices: Bars, period: float = 7, k: int = 1) -> Floats:
    """Cosine of the time of the close, `k` turns in `period` days of 24 hours, as `fourier_sin`."""
    return np.cos(_turns(prices, period, k))


@register()
def day_of_month(prices: Bars) -> Floats:
    """The day of the session in its month, the first being 0 and the last 1."""
    first, after = _month(prices)
    return (prices.sessions - first) / (after - first - 1)


@register()
def to_month_end(prices: Bars) -> Floats:
    """The days from Monday to Friday that are left in the month after the session, over those of the month; 0 is last.

    Holidays are not known to it, so that it can be known ahead.
    """
    first, after = _month(prices)
    return _weekdays(prices.sessions + 1, after) / _weekdays(first, after)


@register(before=1, after=1)
def turn_of_month(prices: Bars, before: int = 1, after: int = 3) -> Floats:
    """1 in the last `before` and the first `after` days from Monday to Friday of a month, else 0; holidays count too.

    Josef Lakonishok and Seymour Smidt, "Are seasonal anomalies real? A ninety-year perspective", Review of Financial
    Studies 1 (1988).
    """
    first, next_month = _month(prices)
    gone, left = _weekdays(first, prices.sessions + 1), _weekdays(prices.sessions + 1, next_month)
    return ((gone <= after) | (left < before)).astype(np.float64)


def _turns(prices: Bars, period: float, k: int) -> Floats:
    length = period * DAY
    return np.remainder(prices.timestamps.astype(np.float64), length) * (2.0 * np.pi * k / length)


def _month(prices: Bars) -> tuple[Ints, Ints]:
    """Return the first day of each session's month and of the next one, as sessions are counted."""
    months = prices.sessions.view("M8[D]").astype("M8[M]")
    return tuple((months + later).astype("M8[D]").astype(np.int64) for later in (0, 1))  # type: ignore[return-value]


def _weekdays(begin: Ints, end: Ints) -> Ints:
    """Return the days from Monday to Friday from `begin` up to, and without, `end`."""
    return np.busday_count(begin.view("M8[D]"), end.view("M8[D]"))


def _left(prices: Bars) -> Floats:
    unknown = np.flatnonzero(prices.session_ends == UNKNOWN)
    if unknown.size:
        raise FeatureError(
            f"session_sin and session_cos: the end of the session of bar {unknown[0]} "
            f"({time_text(int(prices.timestamps[unknown[0]]))}) is unknown; build the bars with calendar=, "
            "session_close= or session_ends="
        )
    return (prices.session_ends - prices.timestamps).astype(np.float64) * (2.0 * np.pi / DAY)


def _weekday(prices: Bars) -> Floats:
    return ((prices.sessions + 3) % 7).astype(np.float64) * (2.0 * np.pi / 7.0)  # day 0, 1 January 1970, was a Thursday


def _year(prices: Bars) -> Floats:
    return prices.sessions.astype(np.float64) % _YEAR * (2.0 * np.pi / _YEAR)
