"""The first bar at which two runs differ, and every difference in it.

Streams of the two runs are compared row by row; the first row that is not equal dates the first difference of a
stream, and the earliest of all streams that of the runs. Before it, both did the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backtester.diff.streams import EQUITY_TURN, Stream, streams_of

if TYPE_CHECKING:
    from backtester.result import Result


_IDS = {"id", "order_id", "other_id", "parent", "partner", "group"}  # move on where one run has an order more


class Pair(NamedTuple):
    """One difference: a row of a stream in A and the one it answers to in B; None where there is none.

    `fields` names the columns that differ, and is empty where only one run has the row.
    """

    stream: str
    turn: int
    a: int | None  # position in the stream
    b: int | None
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Walk:
    """Two runs side by side.

    Attributes
    ----------
    a, b : dict of Stream
    time : int or None
        The close of the first bar that differs, ns UTC; None where none does.
    pairs : tuple of Pair
        What differs in it, in the order of the bar; equity comes last.
    equity_bars : int
        In how many of the bars that both have equity is another.
    common_bars : int
        How many bars both have.
    """

    a: dict[str, Stream]
    b: dict[str, Stream]
    time: int | None
    pairs: tuple[Pair, ...]
    equity_bars: int
    common_bars: int


def walk(a: Result, b: Result, rtol: float) -> Walk:
    """Return where two runs part.

    Parameters
    ----------
    a, b : Result
    rtol : float
        Numbers that are not further apart than this fraction of the larger one count as equal; 0.0: every bit counts.
    """
    one, other = streams_of(a), streams_of(b)
    times = [time for name in one if (time := _first_time(one[name], other[name], rtol)) is not None]
    common, rows_a, rows_b = np.intersect1d(
        a.bars.timestamps, b.bars.timestamps, assume_unique=True, return_indices=True
    )
    unequal = differs(a.tables.equity[rows_a], b.tables.equity[rows_b], rtol)
    if unequal.any():
        times.append(int(common[np.argmax(unequal)]))
    if not times:
        return Walk(one, other, None, (), 0, len(common))
    time = min(times)
    pairs = [pair for name in one for pair in _pairs(name, one[name], other[name], time, rtol)]
    if common[unequal][:1].tolist() == [time]:
        pairs.append(Pair("equity", EQUITY_TURN, None, None, ("equity",)))
    pairs = _without_echoes(pairs, one, other)
    return Walk(one, other, time, tuple(sorted(pairs, key=_order)), int(unequal.sum()), len(common))


def differs(x: np.ndarray, y: np.ndarray, rtol: float) -> np.ndarray:
    """Return where two columns differ; NaN equals NaN."""
    if x.dtype.kind != "f" or y.dtype.kind != "f":
        return np.asarray(x != y, bool)
    with np.errstate(invalid="ignore"):
        near = np.abs(x - y) <= rtol * np.maximum(np.abs(x), np.abs(y)) if rtol else False
    return ~((x == y) | (np.isnan(x) & np.isnan(y)) | near)


def _first_time(a: Stream, b: Stream, rtol: float) -> int | None:
    """Return the time of the first row that differs, or None."""
    n = min(len(a), len(b))
    unequal = a.time[:n] != b.time[:n]
    for name in _common(a, b):
        unequal |= differs(a.columns[name][:n], b.columns[name][:n], rtol) & _known(a, b, name, n)
    k = int(np.argmax(unequal)) if unequal.any() else n
    left = [int(stream.time[k]) for stream in (a, b) if k < len(stream)]
    return min(left) if left else None


def _known(a: Stream, b: Stream, name: str, n: int) -> np.ndarray:
    known = np.ones(n, bool)
    for stream in (a, b):
        if name in stream.unknown:
            known &= ~stream.unknown[name][:n]
    return known


def _common(a: Stream, b: Stream) -> list[str]:
    return [name for name in a.columns if name in b.columns]


def _pairs(name: str, a: Stream, b: Stream, time: int, rtol: float) -> Iterator[Pair]:
    """Yield the differences of a stream in one bar."""
    waiting = defaultdict(list)
    for row in _rows_at(b, time):
        waiting[_key(b, row)].append(row)
    alone = []
    for row in _rows_at(a, time):
        partners = waiting[_key(a, row)]
        if not partners:
            alone.append(row)
            continue
        partner = partners.pop(0)
        fields = _fields(a, b, row, partner, rtol)
        if fields:
            yield Pair(name, int(a.turn[row]), row, partner, fields)
    for row in alone:
        yield Pair(name, int(a.turn[row]), row, None, ())
    for rows in waiting.values():
        for row in rows:
            yield Pair(name, int(b.turn[row]), None, row, ())


def _rows_at(stream: Stream, time: int) -> range:
    first, last = np.searchsorted(stream.time, [time, time + 1])
    return range(int(first), int(last))


def _key(stream: Stream, row: int) -> tuple[object, ...]:
    key: list[object] = [stream.columns[name][row] for name in stream.keys]
    if "quantity" in stream.columns and stream.name == "order":
        key.append(bool(stream.columns["quantity"][row] > 0.0) or bool(stream.unknown["quantity"][row]))
    return tuple(key)


def _fields(a: Stream, b: Stream, i: int, j: int, rtol: float) -> tuple[str, ...]:
    found = []
    for name in _common(a, b):
        known = not any(name in s.unknown and s.unknown[name][k] for s, k in ((a, i), (b, j)))
        if known and differs(a.columns[name][i : i + 1], b.columns[name][j : j + 1], rtol)[0]:
            found.append(name)
    return tuple(found)


def _without_echoes(pairs: list[Pair], a: dict[str, Stream], b: dict[str, Stream]) -> list[Pair]:
    """Leave out the end of an order where a fill of it in the same bar says the same, and ids that only moved on."""
    filled = {_order_id(pair, a, b, "fill", "order_id") for pair in pairs if pair.stream == "fill"}
    kept = []
    for pair in pairs:
        plain = not set(pair.fields) & {"status", "reason"}
        if pair.stream == "end" and plain and _order_id(pair, a, b, "end", "id") in filled:
            continue
        kept.append(pair)
    real = [pair for pair in kept if not pair.fields or set(pair.fields) - _IDS]
    return real or kept


def _order_id(pair: Pair, a: dict[str, Stream], b: dict[str, Stream], name: str, column: str) -> int:
    side, row = (a, pair.a) if pair.a is not None else (b, pair.b)
    return int(side[name].columns[column][row])


def _order(pair: Pair) -> tuple[int, int]:
    row = pair.a if pair.a is not None else pair.b if pair.b is not None else 0
    return pair.turn, row
