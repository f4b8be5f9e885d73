"""What differs between the bars of two runs: symbols, clock, sessions, and the first value of every column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backtester.bars.check import COLUMNS, time_text
from backtester.summary_text import clean, count_of

if TYPE_CHECKING:
    from backtester.bars import Bars


@dataclass(frozen=True)
class DataChange:
    """One way in which two panels differ.

    Attributes
    ----------
    time : int
        The first close, ns UTC, from which it can matter.
    column, symbol : str
        Where it is about values; else empty.
    text : str
        A clause.
    """

    time: int
    column: str
    symbol: str
    text: str


def data_changes(a: Bars, b: Bars, names: tuple[str, str]) -> tuple[DataChange, ...]:
    """Return how the bars of two runs differ, the earliest first; nothing where they are equal.

    Parameters
    ----------
    a, b : Bars
    names : (str, str)
        What the two runs are called.
    """
    if a is b or a.content_hash == b.content_hash:
        return ()
    _, rows_a, rows_b = np.intersect1d(a.timestamps, b.timestamps, assume_unique=True, return_indices=True)
    found = [*_symbols(a, b, names), *_clock(a, b, names)]
    if len(rows_a):
        found += _sessions(a, b, rows_a, rows_b, names)
        found += _values(a, b, rows_a, rows_b, names)
    return tuple(sorted(found, key=lambda change: change.time))


def values_at(a: Bars, b: Bars, time: int, symbol: str, names: tuple[str, str]) -> str:
    """Return which values of one bar of a symbol differ, or an empty string."""
    if symbol not in a.symbols or symbol not in b.symbols:
        return ""
    rows = [int(np.searchsorted(bars.timestamps, time)) for bars in (a, b)]
    for bars, row in zip((a, b), rows, strict=True):
        if row == bars.n_bars or bars.timestamps[row] != time:
            return ""
    said = []
    for column in _columns(a, b):
        x, y = (float(bars[column][t, bars.symbols.index(symbol)]) for bars, t in zip((a, b), rows, strict=True))
        if x != y and not (x != x and y != y):
            said.append(f"{column} {x:,.10g} in {names[0]}, {y:,.10g} in {names[1]}")
    return ", ".join(said)


def _columns(a: Bars, b: Bars) -> list[str]:
    return [*COLUMNS, *(name for name in a.extras if name in b.extras)]


def _symbols(a: Bars, b: Bars, names: tuple[str, str]) -> list[DataChange]:
    start = int(min(a.timestamps[0], b.timestamps[0]))
    found = []
    for one, other, name in ((a, b, names[0]), (b, a, names[1])):
        for what, mine, others in (("symbol", one.symbols, other.symbols), ("extra", one.extras, other.extras)):
            alone = [clean(item) for item in mine if item not in others]
            if alone:
                listed = ", ".join(alone[:6]) + (f" and {len(alone) - 6} more" if len(alone) > 6 else "")
                text = f"{what}{'s' if len(alone) > 1 else ''} {listed} only in {name}"
                found.append(DataChange(start, "", "", text))
    if a.symbols != b.symbols and set(a.symbols) == set(b.symbols):
        found.append(DataChange(start, "", "", "the symbols are in another order, and so are the asset numbers"))
    return found


def _clock(a: Bars, b: Bars, names: tuple[str, str]) -> list[DataChange]:
    """Return that the data begin or end elsewhere, or that one has bars between those of the other."""
    found = []
    for one, other, name, less in ((a, b, *names), (b, a, *names[::-1])):
        first, last = int(other.timestamps[0]), int(other.timestamps[-1])
        alone = np.setdiff1d(one.timestamps, other.timestamps, assume_unique=True)
        before, after = alone[alone < first], alone[alone > last]
        inside = alone[(alone > first) & (alone < last)]
        if len(before):
            text = f"the data of {less} begin at {time_text(first)}; {name} has {count_of(len(before), 'bar')} before"
            found.append(DataChange(int(before[0]), "", "", text))
        if len(inside):
            what = count_of(len(inside), "bar")
            text = f"{what} of {name} at times that {less} lacks, the first at {time_text(int(inside[0]))}"
            found.append(DataChange(int(inside[0]), "", "", text))
        if len(after):
            text = f"the data of {less} end at {time_text(last)}; {name} has {count_of(len(after), 'bar')} more"
            found.append(DataChange(int(after[0]), "", "", text))
    return found


def _sessions(a: Bars, b: Bars, rows_a: np.ndarray, rows_b: np.ndarray, names: tuple[str, str]) -> list[DataChange]:
    other = (a.sessions[rows_a] != b.sessions[rows_b]) | (a.session_ends[rows_a] != b.session_ends[rows_b])
    if not other.any():
        return []
    time = int(a.timestamps[rows_a[np.argmax(other)]])
    where = f"{count_of(int(other.sum()), 'bar')}, the first at {time_text(time)}"
    return [DataChange(time, "", "", f"{names[0]} and {names[1]} assign other sessions to {where}")]


def _values(a: Bars, b: Bars, rows_a: np.ndarray, rows_b: np.ndarray, names: tuple[str, str]) -> list[DataChange]:
    """Return, per column and symbol that differ, the first value and in how many bars it is another."""
    found = []
    for symbol in (symbol for symbol in a.symbols if symbol in b.symbols):
        i, j = a.symbols.index(symbol), b.symbols.index(symbol)
        for column in _columns(a, b):
            x, y = a[column][rows_a, i], b[column][rows_b, j]
            other = ~((x == y) | (np.isnan(x) & np.isnan(y)))
            if not other.any():
                continue
            k = int(np.argmax(other))
            t, time = int(rows_a[k]), int(a.timestamps[rows_a[k]])
            values = f"{x[k]:,.10g} in {names[0]} and {y[k]:,.10g} in {names[1]}"
            bars = count_of(int(other.sum()), "bar")
            text = f"{column} of {clean(symbol)} differs in {bars}, first in bar {t} ({time_text(time)}): {values}"
            found.append(DataChange(time, column, symbol, text))
    return found
