"""Where the bar stands in the day, the week and the year, as sine and cosine; the same for all assets, gaps included.

What a bar's calendar says is known before it closes. Both of a pair are needed to tell morning from evening.
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
