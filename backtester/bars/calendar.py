"""Where each bar stands in its session and in its month, as `ctx.is_session_end` and the like say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.bars.clock import UNKNOWN
from backtester.kernel.codes import Calendar

if TYPE_CHECKING:
    from backtester.bars.panel import Bars


def calendar_of(bars: Bars) -> npt.NDArray[np.uint8]:
    """Return the bits of `Calendar` per bar, uint8 [n_bars].

    A session, or a month of sessions, starts with the first row that belongs to it. A session ends where its scheduled
    close is reached; where the source named no close (`session_close=`, `calendar=`), also with the last row before
    the next session. A month ends with the session whose successor among the rows is of another month; the last session
    of the data ends none, since nothing in the data says what follows.
    """
    sessions = bars.sessions
    n = sessions.shape[0]
    new_session = np.ones(n, bool)
    new_session[1:] = sessions[1:] != sessions[:-1]
    months = sessions.view("M8[D]").astype("M8[M]")
    new_month = np.ones(n, bool)
    new_month[1:] = months[1:] != months[:-1]
    closes = bars.session_ends
    scheduled = (bars.timestamps >= closes) & (closes != UNKNOWN)
    last_row = np.zeros(n, bool)
    last_row[:-1] = new_session[1:]
    known = bars._session_ends is not None and bool((closes != UNKNOWN).all())
    session_end = scheduled if known else scheduled | last_row
    first = np.flatnonzero(new_session)
    closing = np.zeros(first.size, bool)  # per session: whether the next one is of another month
    closing[:-1] = months[first[1:]] != months[first[:-1]]
    month_end = session_end & closing[np.cumsum(new_session) - 1]
    bits = new_session * np.uint8(Calendar.SESSION_START)
    bits |= session_end * np.uint8(Calendar.SESSION_END)
    bits |= new_month * np.uint8(Calendar.MONTH_START)
    bits |= month_end * np.uint8(Calendar.MONTH_END)
    bits.flags.writeable = False
    return bits
