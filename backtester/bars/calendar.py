"""Where each bar stands in its session and in its month, as `ctx.is_session_end` and the like say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.bars.clock import DAY, UNKNOWN
from backtester.kernel.codes import Calendar

if TYPE_CHECKING:
    from backtester.bars.panel import Bars

Ints = npt.NDArray[np.int64]


def calendar_of(bars: Bars) -> npt.NDArray[np.uint8]:
    """Return the bits of `Calendar` per bar, uint8 [n_bars].

    A session, or a month of sessions, starts with the first row that belongs to it. A session ends where its scheduled
    close is reached; where the source named no close (`session_close=`, `calendar=`), also with the last row before
    the next session. A month ends with the session whose successor among the rows is of another month; the last session
    of the data ends none, since nothing in the data says what follows.
    """
    sessions = bars.sessions
    first = np.concatenate(([0], np.flatnonzero(sessions[1:] != sessions[:-1]) + 1))
    last = np.append(first[1:], sessions.shape[0]) - 1
    months = sessions[first].view("M8[D]").astype("M8[M]")
    new_month = np.ones(first.size, bool)
    new_month[1:] = months[1:] != months[:-1]
    ends = bars.timestamps[last] >= _closes(bars, last)
    if bars._session_ends is None or bool((bars._session_ends == UNKNOWN).any()):
        ends[:-1] = True
    bits = np.zeros(sessions.shape[0], np.uint8)
    bits[first] |= np.uint8(Calendar.SESSION_START)
    bits[first[new_month]] |= np.uint8(Calendar.MONTH_START)
    bits[last[ends]] |= np.uint8(Calendar.SESSION_END)
    bits[last[:-1][ends[:-1] & new_month[1:]]] |= np.uint8(Calendar.MONTH_END)
    bits.flags.writeable = False
    return bits


def _closes(bars: Bars, rows: Ints) -> Ints:
    """Return when the sessions of some rows are over by the calendar."""
    if bars._session_ends is not None:
        return bars._session_ends[rows]
    if bars._sessions is not None:
        return np.full(rows.shape, UNKNOWN)
    return (bars.sessions[rows] + 1) * DAY


def closes_of(bars: Bars) -> Ints:
    """Return when the session of each bar is over, as the kernel takes it: empty where at the end of the UTC day."""
    if bars._session_ends is None and bars._sessions is None:
        return np.zeros(0, np.int64)
    return bars.session_ends
