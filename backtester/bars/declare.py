"""Events declared by hand: from dates and values to the rows in which they act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import near, refuse, time_text
from backtester.bars.events import event_findings, fold
from backtester.bars.slices import span
from backtester.bars.splits import split_findings
from backtester.errors import DataError

if TYPE_CHECKING:
    from backtester.bars.panel import Bars

Floats = npt.NDArray[np.float64]


def with_events(bars: Bars, given: Mapping[str, Any], warn_splits: bool) -> Bars:
    """Return the bars with events declared; `given` is column → what `Bars.with_events` documents."""
    extras = dict(bars.extras)
    for column, by_symbol in given.items():
        if by_symbol is None:
            continue
        before = bars.extras.get(column)
        extras[column] = np.full(bars.close.shape, np.nan) if before is None else before.copy()
        for asset, events in _checked(bars, column, by_symbol):
            _write(extras[column], column, asset, sorted(events))
    found = event_findings(bars.timestamps, bars.close, extras, bars.symbols)
    if not found and warn_splits and given.get("split") is not None:
        found = split_findings(bars.timestamps, bars.open, bars.close, bars.symbols, split=extras["split"], jumps=False)
    refuse(found)
    return bars._make(
        bars.timestamps,
        [bars.open, bars.high, bars.low, bars.close, bars.volume],
        bars.symbols,
        extras,
        bars._sessions,
        bars._session_ends,
        bars.name,
        bars.allow_negative,
    )


def _checked(bars: Bars, column: str, by_symbol: Any) -> Iterator[tuple[int, list[tuple[int, float]]]]:
    """Yield (asset, its events as (row, value)).

    Raises
    ------
    DataError
        If the shape is another one, a symbol is unknown, or a date or a value is none.
    """
    shape = "{symbol: (date, price)}" if column == "delisting" else "{symbol: {date: value}}"
    if not isinstance(by_symbol, Mapping):
        raise DataError(f"{column}: got {type(by_symbol).__name__}; give {shape}")
    for symbol, what in by_symbol.items():
        if symbol not in bars.symbols:
            known = ", ".join(bars.symbols[:20])
            raise DataError(f"{column}: no symbol {symbol!r}{near(symbol, bars.symbols)} Symbols: {known}")
        if column == "delisting" and isinstance(what, tuple | list) and len(what) == 2:
            pairs = [tuple(what)]
        elif column != "delisting" and callable(getattr(what, "items", None)):  # a mapping, or a Series
            pairs = list(what.items())
        else:
            raise DataError(f"{column}: {symbol} has {type(what).__name__} {what!r}; give {shape}")
        events = []
        for date, value in pairs:
            if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
                raise DataError(f"{column}: {symbol}, {date}: {value!r} is no number. Give {shape}")
            if np.isnan(value):
                raise DataError(f"{column}: {symbol}, {date}: NaN is no event. Leave the date out")
            events.append((row_of(bars, date, f"{column}: {symbol}"), float(value)))
        yield bars.symbols.index(symbol), events


def row_of(bars: Bars, moment: Any, head: str) -> int:
    """Return the row in which an event of a date or a time acts.

    Parameters
    ----------
    bars : Bars
    moment : str, date, datetime, Timestamp or datetime64
        A date is a session: its first row, or the first after it. A time: the first row that closes after it.
    head : str
        What the errors begin with.

    Raises
    ------
    DataError
        If it is no date or time, more than a day, or outside the bars.
    """
    try:
        by_session, begin, end = span(moment)
    except DataError:
        raise DataError(
            f"{head}: {moment!r} is no date or time; write it like '2010-05-03' or '2010-05-03 16:00'"
        ) from None
    if by_session and end - begin != 1:
        raise DataError(f"{head}: {moment!r} is more than a day. Name the day")
    clock = bars.sessions if by_session else bars.timestamps
    row = int(np.searchsorted(clock, begin, "left" if by_session else "right"))
    if begin < clock[0] or row == bars.n_bars:
        first, last = time_text(int(bars.timestamps[0])), time_text(int(bars.timestamps[-1]))
        where = "before the first" if begin < clock[0] else "after the last"
        raise DataError(f"{head}: {moment!r} is {where} bar; they close from {first} to {last}. Leave it out")
    return row


def _write(columns: Floats, column: str, asset: int, events: list[tuple[int, float]]) -> None:
    """Write the events of one asset into their rows; several that mean one row are folded."""
    if not events:
        return
    rows = np.array([row for row, _ in events])
    starts = np.flatnonzero(np.append(True, np.diff(rows) > 0))
    values = np.array([[value] for _, value in events])
    columns[rows[starts], asset] = fold({column: values}, starts)[column][:, 0]
