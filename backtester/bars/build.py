"""From plain arrays to a checked panel: shapes, types, names, and every rule of clock and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import (
    COLUMNS,
    Finding,
    Place,
    bad,
    bar_findings,
    place_of,
    refuse,
    time_findings,
    time_text,
)
from backtester.bars.events import EVENTS, event_findings
from backtester.bars.panel import Bars
from backtester.bars.splits import split_findings
from backtester.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RESERVED = frozenset((*COLUMNS, "time", "symbol", "session", "session_end", "adjusted_close"))


def from_arrays(
    timestamps: npt.ArrayLike,
    columns: Sequence[npt.ArrayLike | None],
    *,
    symbols: Sequence[str] | str | None,
    extras: Mapping[str, npt.ArrayLike] | None,
    sessions: npt.ArrayLike | None,
    session_ends: npt.ArrayLike | None,
    calendar: str | None = None,
    name: str,
    allow_negative: bool,
    check: bool,
    warn_splits: bool = True,
) -> Bars:
    """Build the panel of `Bars.from_arrays`, which documents the arguments; `columns` are the five of OHLCV."""
    times = _times(timestamps)
    n_bars = times.shape[0]
    if columns[0] is None:
        raise DataError("open is missing; bars need open, high, low and close")
    open_ = _matrix(columns[0], "open", n_bars, None)
    n_assets = open_.shape[1]
    rest = [
        _matrix(np.full((n_bars, n_assets), np.nan) if c is None else c, name_, n_bars, n_assets)
        for name_, c in zip(COLUMNS[1:], columns[1:], strict=True)
    ]
    names = symbol_names(symbols, n_assets)
    more = {
        extra_name(key): _matrix(value, key, n_bars, n_assets, spread=True) for key, value in (extras or {}).items()
    }
    if calendar is not None and (sessions is not None or session_ends is not None):
        raise DataError(f"calendar = {calendar!r} says when sessions end; leave sessions= and session_ends= out")
    labels = None if sessions is None else session_labels(sessions, n_bars)
    ends = None if session_ends is None else ends_of_sessions(session_ends, labels, times)
    panel = [open_, *rest]
    if check:
        if n_bars < 2:
            raise bad("bars need two rows at least", "Pass more data", value=f"{n_bars} rows")
        found = time_findings(times) or bar_findings(times, panel[:4], panel[4], names, allow_negative=allow_negative)
        found += extra_findings(more, names, place_of(times))
        found += event_findings(times, panel[3], more, names)
        if not found and warn_splits:
            found = split_findings(times, panel[0], panel[3], names, split=more.get("split"))
        refuse(found)
    elif n_bars < 1:
        raise bad("bars need a row at least", "Pass more data", value="0 rows")
    if calendar is not None:
        labels, ends = sessions_of(times, calendar)
    clear_missing(panel)
    return Bars._make(times, panel, names, more, labels, ends, name, allow_negative)


def sessions_of(times: Ints, calendar: str) -> tuple[Ints, Ints]:
    """Return the session of each close, and when it ends, by the calendar of an exchange.

    Raises
    ------
    DataError
        If a close lies in no session, or the calendar is not known.
    """
    import pandas as pd

    from backtester.bars.exchanges import calendar_closes, check_calendar

    check_calendar(calendar, "error")
    stamps = pd.DatetimeIndex(times.view("M8[ns]")).tz_localize("UTC")
    _, _, labels, ends = calendar_closes(stamps, calendar=calendar, outside="error", label="close")
    return labels, ends


def clear_missing(panel: Sequence[Floats]) -> None:
    """Set volume, in place, to NaN where a bar is missing (some sources write 0 there)."""
    missing = np.isnan(panel[3])
    if missing.any():
        panel[4][missing] = np.nan


def extra_findings(extras: Mapping[str, Floats], symbols: Sequence[str], place: Place) -> list[Finding]:
    """Return the infinite values of extra columns that are no events; NaN is allowed there."""
    found = []
    for key, values in extras.items():
        if key in EVENTS:  # `event_findings` knows their rules
            continue
        wrong = np.isinf(values)
        if wrong.any():
            for t, a in np.argwhere(wrong):
                rule, remedy = "values must be finite, or NaN (unknown)", "Set it to NaN, or correct it"
                found.append(Finding(symbols[int(a)], *place(int(t)), key, float(values[t, a]), rule, remedy))
    return found


def symbol_names(symbols: Sequence[str] | str | None, n_assets: int) -> tuple[str, ...]:
    """Return one distinct, non-empty name per asset.

    Raises
    ------
    DataError
        If there are too few or too many, or one is empty, no text, or there twice.
    """
    if symbols is None:
        return ("ASSET",) if n_assets == 1 else tuple(f"ASSET{a}" for a in range(n_assets))
    names = (symbols,) if isinstance(symbols, str) else tuple(symbols)
    if len(names) != n_assets:
        raise DataError(f"{len(names)} symbols for {n_assets} assets; give one per column: {names[:10]}")
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"symbol {name!r}: a symbol is a non-empty text. Convert it with str()")
    twice = [name for name in names if names.count(name) > 1] if len(set(names)) < len(names) else []
    if twice:
        raise DataError(f"symbol {twice[0]!r} is there {names.count(twice[0])} times; symbols must be distinct")
    return names


def extra_name(name: object) -> str:
    """Return the name of an extra column if it may be one.

    Raises
    ------
    DataError
        If it is no text, empty, taken, or begins with a digit (which would read as a date in `bars[name]`).
    """
    if not isinstance(name, str) or not name:
        raise DataError(f"extra column {name!r}: a name is a non-empty text. Rename the column")
    if name == "adjusted_close":
        raise DataError(
            "extra column 'adjusted_close': bars work out their own, from splits and dividends. Call the source's "
            "'adj_close'"
        )
    if name in RESERVED or name[:1].isdigit():
        raise DataError(f"extra column {name!r}: the name is taken, or begins with a digit. Rename the column")
    return name


def _times(timestamps: npt.ArrayLike) -> Ints:
    array = np.asarray(timestamps)
    if array.ndim != 1:
        raise DataError(f"timestamps have shape {array.shape}; give one dimension, (n_bars,)")
    if array.dtype.kind == "M":
        array = array.astype("M8[ns]").view(np.int64)
    elif array.dtype.kind not in "iu":
        raise DataError(f"timestamps are {array.dtype}; give int64 ns UTC, or datetime64 (UTC)")
    return np.array(array, dtype=np.int64)


def _matrix(values: Any, name: str, n_bars: int, n_assets: int | None, *, spread: bool = False) -> Floats:
    """Return a fresh float64 C-contiguous (n_bars, n_assets) copy."""
    raw = np.asarray(values)
    if raw.dtype.kind not in "iuf":
        raise DataError(f"{name} is {raw.dtype}; give numbers. Convert the column with astype(float)")
    array = np.array(raw, dtype=np.float64, order="C")
    if array.ndim == 1:
        array = array.reshape(-1, 1)
        if spread and n_assets is not None and n_assets > 1:
            array = np.repeat(array, n_assets, axis=1)
    if array.ndim != 2 or array.shape[0] != n_bars or array.shape[1] != (n_assets or array.shape[1]):
        want = f"({n_bars}, {n_assets})" if n_assets else f"({n_bars}, n_assets)"
        raise DataError(f"{name} has shape {raw.shape}; it must be {want}, as the timestamps and open are")
    if array.shape[1] == 0:
        raise DataError(f"{name} has no columns; bars need an asset at least")
    return array


def session_labels(sessions: npt.ArrayLike, n_bars: int) -> Ints:
    """Return session labels as days since 1970-01-01.

    Raises
    ------
    DataError
        If they are neither whole numbers nor dates, too few, missing, or decrease.
    """
    array = np.asarray(sessions)
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise DataError(f"sessions: row {int(np.argmax(np.isnat(array)))} is NaT; every bar has a session")
        array = array.astype("M8[D]").view(np.int64)
    if array.shape != (n_bars,) or array.dtype.kind not in "iu":
        raise DataError(
            f"sessions are {array.dtype} of shape {array.shape}; give ({n_bars},) whole numbers or datetime64"
        )
    array = np.array(array, dtype=np.int64)
    back = np.flatnonzero(array[1:] < array[:-1])
    if back.size:
        row = int(back[0]) + 1
        raise DataError(f"sessions: row {row} has {array[row]} after {array[row - 1]}; sessions must not decrease")
    return array


def ends_of_sessions(session_ends: npt.ArrayLike, labels: Ints | None, times: Ints) -> Ints:
    """Return session ends as int64 ns UTC.

    Raises
    ------
    DataError
        If there are no labels, or an end is missing, no int64, or before the close of its bar.
    """
    array = np.asarray(session_ends)
    if labels is None:
        raise DataError("session_ends need sessions: pass both")
    if array.shape != times.shape or array.dtype.kind not in "iu":
        raise DataError(f"session_ends are {array.dtype} of shape {array.shape}; give int64 ns of shape {times.shape}")
    array = np.array(array, dtype=np.int64)
    early = np.flatnonzero(array < times)
    if early.size:
        row = int(early[0])
        end, close = time_text(int(array[row])), time_text(int(times[row]))
        raise DataError(f"session_ends: row {row} ends at {end}, before its bar closes at {close}")
    change = np.flatnonzero((labels[1:] == labels[:-1]) & (array[1:] != array[:-1]))
    if change.size:
        row = int(change[0]) + 1
        raise DataError(f"session_ends: row {row} differs from row {row - 1}, and both are of one session")
    return array
