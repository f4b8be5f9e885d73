"""Longer bars: `resample` makes them, `Higher` shows them on the shorter clock as they become known.

A longer bar is over when its period is: the end of the step, or of its last session (`Bars.session_ends`). Only then
does `Higher` show it; what a bar that is still forming would show, no strategy could have known.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import DataWarning, outside, time_text
from backtester.bars.clock import DAY, UNKNOWN
from backtester.bars.events import delisting_after_bars, fold, later_splits
from backtester.bars.freq import Step, parse
from backtester.bars.panel import Bars
from backtester.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def resample(bars: Bars, freq: Any) -> Bars:
    """Return bars of a longer step.

    Open is the first of the period, high the highest, low the lowest, close and extras the last, volume the sum; an
    asset's missing bars are passed over, and where it has none in a period its longer bar is missing. Volume is the
    sum of what is known, NaN if nothing is.

    A longer bar is in the units of its end: prices before a split inside the period are divided by it, volume is
    multiplied by it. Its events act before its open: `split` is the product of the period's, `dividend` the sum in the
    units of the end, `funding` the sum, `delisting` the last, in the next period where the asset still has a bar in its
    own; NaN where there is none.

    Parameters
    ----------
    bars : Bars
    freq : str
        `"5min"`, `"1h"`, `"1D"` (a session), `"1W"` (weeks end on Sunday; `"W-FRI"` on Friday), `"1ME"`, `"1QE"`,
        `"1YE"`: see `backtester.bars.freq.parse`. Steps of time never reach across a session.

    Returns
    -------
    Bars
        `timestamps` are the closes of the last bar of each period, so the last period is there even if the data ends
        inside it. Periods without a bar are left out.

    Raises
    ------
    DataError
        If the step means nothing.

    Warns
    -----
    DataWarning
        If an asset is delisted in the last period after a bar in it: no row is left for that, so it is left out.
    """
    longer = _build(bars, _starts(bars, parse(freq)))
    if "delisting" in bars.extras:
        lost = ~np.isnan(bars["delisting"]).all(axis=0) & np.isnan(longer["delisting"]).all(axis=0)
        if lost.any():
            names = ", ".join(np.array(bars.symbols)[lost])
            warnings.warn(
                f"{names}: delisted in the last period, which ends {time_text(int(longer.timestamps[-1]))}, after a "
                "bar in it. A delisting acts before the open of its row, and no row is left: it is left out",
                DataWarning,
                stacklevel=outside(),
            )
    return longer


class Higher:
    """The bars of a longer step, as they are known on a shorter clock.

    At each bar of the shorter clock, the value is that of the last longer bar whose period is over by then; NaN before
    the first. A period is over at the end of its step, or at the end of its last session by the calendar
    (`Bars.session_ends`: the end of the UTC day, or `session_close`), or, where neither is known, when a bar of a later
    period arrives. So a day cut short by an early close shows with the next day's first bar, and cutting off the data
    anywhere changes nothing before the cut.

    Attributes
    ----------
    bars : Bars
        The longer bars, for indicators; the last of them may still be forming, and is then never shown.
    rows : ndarray of int64, shape (n_bars,)
        The row of `bars` that each bar of the shorter clock sees; -1 where there is none yet.
    open, high, low, close, volume : ndarray of float64, shape (n_bars, n_assets)
        Of the row that is seen, read-only. An asset without a bar in that period is NaN.

    Examples
    --------
    >>> hourly = Bars.sample("eurusd")
    >>> day = hourly.on("1D")
    >>> day.close.shape == hourly.close.shape
    True
    """

    def __init__(self, bars: Bars, freq: Any):
        step = parse(freq)
        starts = _starts(bars, step)
        self.freq = freq
        self.bars = _build(bars, starts)
        self.rows = _seen(bars, step, starts)
        self.rows.flags.writeable = False

    def align(self, array: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return an array computed on `self.bars`, on the shorter clock.

        Parameters
        ----------
        array : array_like, shape (bars.n_bars, ...)
            Such as an indicator of `self.bars.close`. Its row i may depend on rows up to i.

        Returns
        -------
        ndarray, shape (n_bars of the shorter clock, ...)
            float64 with NaN where no longer bar is over yet, read-only, C-contiguous.

        Raises
        ------
        DataError
            If it has another number of rows.
        """
        values = np.asarray(array)
        if values.ndim == 0 or values.shape[0] != self.bars.n_bars:
            raise DataError(
                f"align takes an array of {self.bars.n_bars} rows, one per bar of freq {self.freq!r}; "
                f"got shape {values.shape}"
            )
        out = np.ascontiguousarray(values[self.rows], dtype=np.float64)
        out[self.rows < 0] = np.nan
        out.flags.writeable = False
        return out

    def __getitem__(self, name: str) -> Floats:
        """Return a column or an extra of the longer bars on the shorter clock."""
        return self.align(self.bars[name])

    @cached_property
    def open(self) -> Floats:
        """Open of the last longer bar that is over."""
        return self.align(self.bars.open)

    @cached_property
    def high(self) -> Floats:
        """High of the last longer bar that is over."""
        return self.align(self.bars.high)

    @cached_property
    def low(self) -> Floats:
        """Low of the last longer bar that is over."""
        return self.align(self.bars.low)

    @cached_property
    def close(self) -> Floats:
        """Close of the last longer bar that is over."""
        return self.align(self.bars.close)

    @cached_property
    def volume(self) -> Floats:
        """Volume of the last longer bar that is over."""
        return self.align(self.bars.volume)

    def __repr__(self) -> str:
        return f"<{self.freq} bars on the clock of {self.rows.size:,} bars: {self.bars!r}>"


def _starts(bars: Bars, step: Step) -> Ints:
    """Return the first row of each period."""
    group = step.groups(bars.timestamps, bars.sessions)
    new = group[1:] != group[:-1]
    if step.kind == "time":
        new |= bars.sessions[1:] != bars.sessions[:-1]
    return np.concatenate(([0], np.flatnonzero(new) + 1))


def _build(bars: Bars, starts: Ints) -> Bars:
    """Return the bars of the periods that begin at `starts`."""
    lasts = np.append(starts[1:], bars.n_bars) - 1
    first, last = _edges(np.isnan(bars.close), starts, lasts)
    take = np.arange(bars.n_assets)
    o, h, low_, c, v = _in_units_of_the_end(bars, starts)
    with np.errstate(invalid="ignore"):
        high = np.fmax.reduceat(h, starts, axis=0)
        low = np.fmin.reduceat(low_, starts, axis=0)
    unknown = np.isnan(v)
    volume = np.add.reduceat(np.where(unknown, 0.0, v), starts, axis=0)
    volume[np.logical_and.reduceat(unknown, starts, axis=0)] = np.nan
    columns = [o[first, take], high, low, c[last, take], volume]
    events = fold(bars.extras, starts)
    if "delisting" in events:
        events["delisting"] = delisting_after_bars(events["delisting"], ~np.isnan(columns[3]))
    extras = {
        key: events[key] if key in events else value[_edges(np.isnan(value), starts, lasts)[1], take]
        for key, value in bars.extras.items()
    }
    labels = None if bars._sessions is None else bars._sessions[lasts]
    ends = None if bars._session_ends is None else bars._session_ends[lasts]
    made = [np.ascontiguousarray(column) for column in columns]
    return Bars._make(bars.timestamps[lasts], made, bars.symbols, extras, labels, ends, bars.name, bars.allow_negative)


def _in_units_of_the_end(bars: Bars, starts: Ints) -> list[Floats]:
    """Return open, high, low, close and volume, each in the units of the last row of its period."""
    later = later_splits(bars.extras.get("split"), starts)
    prices = [bars.open, bars.high, bars.low, bars.close]
    if later is None:
        return [*prices, bars.volume]
    return [*(price / later for price in prices), bars.volume * later]


def _edges(missing: npt.NDArray[np.bool_], starts: Ints, lasts: Ints) -> tuple[Ints, Ints]:
    """Return the rows of the first and last value of each period and asset; of a period without any, its edges."""
    n, width = missing.shape
    begin = np.broadcast_to(starts[:, None], (starts.size, width))
    end = np.broadcast_to(lasts[:, None], (lasts.size, width))
    if not missing.any():
        return begin, end
    rows = np.arange(n)[:, None]
    first = np.minimum.reduceat(np.where(missing, n, rows), starts, axis=0)
    last = np.maximum.reduceat(np.where(missing, -1, rows), starts, axis=0)
    return np.where(first == n, begin, first), np.where(last < 0, end, last)


def _seen(bars: Bars, step: Step, starts: Ints) -> Ints:
    """Return, for each bar, the last period that is over at its close; -1 for none."""
    lasts = np.append(starts[1:], bars.n_bars) - 1
    over = _over(bars, step, starts, lasts)
    # a later period's first bar proves that a period is over, whatever the calendar says
    row = np.minimum(np.searchsorted(bars.timestamps, over, "left"), np.append(starts[1:], bars.n_bars))
    seen = np.full(bars.n_bars + 1, -1, dtype=np.int64)
    np.maximum.at(seen, row, np.arange(starts.size))
    return np.maximum.accumulate(seen[:-1])


def _over(bars: Bars, step: Step, starts: Ints, lasts: Ints) -> Ints:
    """Return when each period is over by the calendar, ns UTC; the largest int64 where that is not known."""
    sessions, ends = bars.sessions, bars.session_ends
    calendar = np.maximum.reduceat(ends, starts)
    if step.kind == "time":
        # a step that a session cuts short is over with the session
        return np.minimum(step.ends(bars.timestamps, sessions)[lasts], calendar)
    final = step.ends(bars.timestamps, sessions)[lasts]
    if bars._sessions is None:
        return (final + 1) * DAY
    return np.where(sessions[lasts] == final, calendar, UNKNOWN)
