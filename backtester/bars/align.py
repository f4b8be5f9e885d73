"""One clock for assets with different calendars: the union of their closes, NaN where an asset has no bar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import numpy.typing as npt

from backtester.bars.build import symbol_names
from backtester.bars.check import COLUMNS, time_text
from backtester.bars.clock import DAY, UNKNOWN, utc_sessions
from backtester.bars.events import carried
from backtester.bars.panel import Bars
from backtester.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = tuple[npt.NDArray[np.intp] | slice, npt.NDArray[np.bool_] | slice]


@dataclass(frozen=True)
class Part:
    """Some assets on a clock of their own: arrays of shape (n_bars, n_assets of the part)."""

    timestamps: Ints
    symbols: tuple[str, ...]
    columns: Sequence[Floats]
    extras: Mapping[str, Floats]
    sessions: Ints | None = None
    session_ends: Ints | None = None


def align(panels: Iterable[Bars], *, how: str = "union", sessions: str | None = None) -> Bars:
    """Put the assets of several panels on one clock.

    Parameters
    ----------
    panels : iterable of Bars
        Each symbol once.
    how : {"union", "intersection"}
        The clock: every close of any panel (an asset without a bar there is NaN), or only the closes all have.
    sessions : {None, "utc"}
        None keeps the session labels of the panels, which must agree; `"utc"` labels by the UTC date of
        timestamp − 1 ns.

    Returns
    -------
    Bars
        The assets in the order of the panels; extras of all of them, NaN where a panel has no such extra. Events
        (splits, dividends, funding, delistings) of a close that is not kept act in the next row that is.

    Raises
    ------
    DataError
        If a symbol is there twice, no close is common, or the session labels contradict each other.
    """
    given = tuple(panels)
    if not given:
        raise DataError("align needs a panel at least")
    if how not in ("union", "intersection"):
        raise DataError(f"align: how = {how!r}; write 'union' or 'intersection'")
    if sessions not in (None, "utc"):
        raise DataError(f"align: sessions = {sessions!r}; write None or 'utc'")
    parts = [
        Part(
            b.timestamps,
            b.symbols,
            [b[c] for c in COLUMNS],
            b.extras,
            None if sessions else b._sessions,
            None if sessions or b._sessions is None else b.session_ends,
        )
        for b in given
    ]
    names = {b.name for b in given}
    negative = any(b.allow_negative for b in given)
    return join(parts, how=how, name=names.pop() if len(names) == 1 else "", allow_negative=negative)


def join(parts: Sequence[Part], *, how: str = "union", name: str = "", allow_negative: bool = False) -> Bars:
    """Return the panel of all parts; see `align`."""
    symbols = symbol_names([s for p in parts for s in p.symbols], sum(len(p.symbols) for p in parts))
    clocks = [p.timestamps for p in parts]
    if all(c is clocks[0] or np.array_equal(c, clocks[0]) for c in clocks[1:]):
        timestamps = clocks[0].copy()
    elif how == "union":
        timestamps = np.unique(np.concatenate(clocks))
    else:
        timestamps = reduce(np.intersect1d, clocks)
    if not timestamps.size:
        raise DataError("align: the panels have no close in common; use how='union'")
    where = [_rows(p.timestamps, timestamps) for p in parts]
    parts = [_with_events_kept(p, source) for p, (_, source) in zip(parts, where, strict=True)]
    columns = [_place(parts, where, timestamps.size, [p.columns[i] for p in parts]) for i in range(len(COLUMNS))]
    keys = dict.fromkeys(key for p in parts for key in p.extras)
    extras = {key: _place(parts, where, timestamps.size, [p.extras.get(key) for p in parts]) for key in keys}
    labels, ends = _sessions(parts, where, timestamps)
    return Bars._make(timestamps, columns, symbols, extras, labels, ends, name, allow_negative)


def _with_events_kept(part: Part, source: npt.NDArray[np.bool_] | slice) -> Part:
    """Return a part whose events all lie in rows that are kept."""
    if isinstance(source, slice) or source.all():
        return part
    return replace(part, extras=carried(part.extras, source))


def _place(parts: Sequence[Part], where: Sequence[Rows], n_bars: int, arrays: Sequence[Floats | None]) -> Floats:
    """Return the arrays of all parts side by side on the common clock, NaN where there is nothing."""
    out = np.full((n_bars, sum(len(p.symbols) for p in parts)), np.nan)
    at = 0
    for part, (target, source), array in zip(parts, where, arrays, strict=True):
        width = len(part.symbols)
        if array is not None:
            out[target, at : at + width] = array[source]
        at += width
    return out


def _rows(own: Ints, common: Ints) -> Rows:
    """Return (rows of the common clock, rows of the own clock) that are the same moment."""
    if own.size == common.size and np.array_equal(own, common):
        return slice(None), slice(None)
    at = np.searchsorted(common, own)
    there = at < common.size
    there[there] = common[at[there]] == own[there]
    return at[there], there


def _sessions(parts: Sequence[Part], where: Sequence[Rows], timestamps: Ints) -> tuple[Ints | None, Ints | None]:
    """Return the common session labels and ends; None where all are UTC days."""
    if all(p.sessions is None for p in parts):
        return None, None
    labels = np.full(timestamps.size, np.iinfo(np.int64).min)
    ends = labels.copy()
    for part, (target, source) in zip(parts, where, strict=True):
        if part.sessions is None:
            own = utc_sessions(part.timestamps)
            last = (own + 1) * DAY
        else:
            own = part.sessions
            last = np.full(own.size, UNKNOWN) if part.session_ends is None else part.session_ends
        before, new = labels[target], own[source]
        clash = np.flatnonzero((before != np.iinfo(np.int64).min) & (before != new))
        if clash.size:
            at = timestamps[target][clash[0]]
            raise _clash(int(at), int(before[clash[0]]), int(new[clash[0]]))
        labels[target] = new
        ends[target] = np.maximum(ends[target], last[source])
    back = np.flatnonzero(labels[1:] < labels[:-1])
    if back.size:
        row = int(back[0])
        raise _clash(int(timestamps[row + 1]), int(labels[row]), int(labels[row + 1]))
    # a session of several markets ends with the last of them
    starts = np.concatenate(([0], np.flatnonzero(labels[1:] != labels[:-1]) + 1))
    lengths = np.diff(np.append(starts, labels.size))
    ends = np.repeat(np.maximum.reduceat(ends, starts), lengths)
    return labels, None if (ends == UNKNOWN).all() else ends


def _clash(timestamp: int, one: int, other: int) -> DataError:
    days = [str(np.datetime64(label, "D")) for label in (one, other)]
    return DataError(
        f"{time_text(timestamp)}: the panels label this moment with sessions {days[0]} and {days[1]}; labels must "
        "agree and not decrease on the common clock. Pass sessions='utc' to align"
    )
