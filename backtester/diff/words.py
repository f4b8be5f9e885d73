"""Sentences for differences: what each run did, what is the same, and what became of an order that did not follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.check import time_text
from backtester.diff.streams import NO_TIME, Stream
from backtester.diff.walk import Pair, Walk
from backtester.explain.history import OrderHistory
from backtester.explain.words import fill_text, headline, money, number, signed
from backtester.summary_text import clean

if TYPE_CHECKING:
    from backtester.result import Result

_NOUNS = {"end": "end of an order", "trigger": "trigger of an order", "cash_flow": "cash flow", "outcome": "change"}
_NOUNS |= {"action": "change of a position without a fill"}
_MONEY = ("commission", "spread", "slippage", "impact", "rounding", "amount", "equity")
_TIMES = ("eligible", "expire", "submitted", "triggered", "ended", "acts", "time")


@dataclass(frozen=True)
class Difference:
    """One difference between two runs.

    Attributes
    ----------
    kind : str
        order, trigger, end, fill, cash_flow, action, change, outcome, record or equity.
    time : str
        The close of the bar, UTC.
    bars : tuple of (int or None)
        The number of that bar in each run; None where a run has no bar at that time.
    order_id : int or None
        The order it is about, as numbered in A (in B where only B has it).
    symbol : str
        The asset; empty for the account.
    fields : tuple of str
        The columns that differ; empty where only one run has the row.
    a, b : dict or None
        The row in each run; None where it has none.
    text : str
        A sentence.
    """

    kind: str
    time: str
    bars: tuple[int | None, int | None]
    order_id: int | None
    symbol: str
    fields: tuple[str, ...]
    a: dict[str, Any] | None
    b: dict[str, Any] | None
    text: str

    @property
    def noun(self) -> str:
        """What kind it is, in words."""
        return _NOUNS.get(self.kind, self.kind)


class Teller:
    """Tells of the differences between two results, which it calls by their names."""

    def __init__(self, a: Result, b: Result, walked: Walk, names: tuple[str, str]):
        self.results = (a, b)
        self.sides = (walked.a, walked.b)
        self.names = names
        assert walked.time is not None
        self.time = walked.time
        self.n_pairs = len(walked.pairs)
        self.bars = (bar_at(a, walked.time), bar_at(b, walked.time))

    def tell(self, pair: Pair) -> Difference:
        """Return a difference in words."""
        if pair.stream == "equity":
            return self._equity(self.n_pairs == 1)
        streams = [side[pair.stream] for side in self.sides]
        rows = [
            None if row is None else row_of(stream, row) for stream, row in zip(streams, (pair.a, pair.b), strict=True)
        ]
        shown = _the_one(rows)[1]
        order_id = shown.get("order_id", shown.get("id"))
        tell = {"fill": self._fill, "order": self._order, "end": self._end}.get(pair.stream, self._plain)
        return Difference(
            kind=pair.stream,
            time=time_text(self.time),
            bars=self.bars,
            order_id=order_id,
            symbol=str(shown.get("symbol", "")),
            fields=pair.fields,
            a=rows[0],
            b=rows[1],
            text=tell(pair, rows),
        )

    # --- kinds -------------------------------------------------------------------------------------------------------

    def _equity(self, alone: bool) -> Difference:
        places = zip(self.results, self.bars, strict=True)
        values = [float(result.tables.equity[bar]) for result, bar in places if bar is not None]
        text = f"equity {_both('equity', values[0], values[1], self.names)}"
        text += ", with the same orders, fills and cash flows so far" if alone else ""
        a, b = ({"equity": value} for value in values)
        return Difference("equity", time_text(self.time), self.bars, None, "", ("equity",), a, b, text)

    def _fill(self, pair: Pair, rows: list[dict[str, Any] | None]) -> str:
        if None in rows:
            side, row = _the_one(rows)
            done = fill_text(self._history(side, row["order_id"]), self._raw(side, pair))
            return f"order {row['order_id']} {done}, in {self.names[side]} alone; {self._fate(1 - side, row)}"
        one, other = _both_of(rows)
        what = signed(one["quantity"]) if "quantity" not in pair.fields else _verb(one["quantity"])
        text = f"order {one['order_id']}, {what} {clean(one['symbol'])}: {self._fields(pair, one, other)}"
        if "price" in pair.fields and "reference_price" not in pair.fields:
            text += f"; same reference price {number(one['reference_price'])}, {one['phase']}"
        return text

    def _order(self, pair: Pair, rows: list[dict[str, Any] | None]) -> str:
        if None in rows:
            side, row = _the_one(rows)
            what = headline(self._history(side, row["id"])).partition(": ")[2]
            return f"{self.names[side]} sends order {row['id']}, {what}; {self.names[1 - side]} does not"
        one, other = _both_of(rows)
        what = f"{one['kind'].replace('_', ' ')} order for {clean(one['symbol'])}"
        return f"order {one['id']}, {what}: {self._fields(pair, one, other)}"

    def _end(self, pair: Pair, rows: list[dict[str, Any] | None]) -> str:
        if None in rows:
            side, row = _the_one(rows)
            reason = f" ({row['reason']})" if row["reason"] else ""
            about = f"order {row['id']} for {clean(row['symbol'])} is {row['status']}{reason}"
            return f"{about}, in {self.names[side]} alone; {self._fate(1 - side, {'order_id': row['id']})}"
        return self._plain(pair, rows)

    def _plain(self, pair: Pair, rows: list[dict[str, Any] | None]) -> str:
        """Return a sentence for a row of any kind: what it is about, and its columns."""
        if None not in rows:
            one, other = _both_of(rows)
            return f"{_head(pair.stream, one)}: {self._fields(pair, one, other)}"
        side, shown = _the_one(rows)
        head = _head(pair.stream, shown)
        keys = ("order_id", "id", "symbol", "kind", "name")
        rest = [
            f"{name} {_text(name, value)}" for name, value in shown.items() if name not in keys and _told(name, value)
        ]
        listed = f" ({', '.join(rest)})" if rest else ""
        return f"{head}{listed}, in {self.names[side]} alone"

    # --- parts -------------------------------------------------------------------------------------------------------

    def _fields(self, pair: Pair, one: dict[str, Any], other: dict[str, Any]) -> str:
        large = [name for name in pair.fields if not _is_tiny(one[name], other[name])] or pair.fields
        return "; ".join(
            f"{name.replace('_', ' ')} {_both(name, one[name], other[name], self.names)}" for name in large
        )

    def _history(self, side: int, order_id: int) -> OrderHistory:
        return OrderHistory(self.results[side], order_id - 1)

    def _raw(self, side: int, pair: Pair) -> int:
        position = (pair.a, pair.b)[side]
        return int(self.sides[side][pair.stream].rows[position])

    def _fate(self, side: int, row: dict[str, Any]) -> str:
        """Return what an order did in the run that has no such row in this bar."""
        orders, name, order_id = self.results[side].orders, self.names[side], row["order_id"]
        if order_id not in orders.index or orders.loc[order_id, "submitted"].value > self.time:
            return f"{name} has no such order by then"
        order = orders.loc[order_id]
        fills = self.sides[side]["fill"]
        later = np.flatnonzero((fills.columns["order_id"] == order_id) & (fills.time >= self.time))
        if order["ended"] == order["ended"] and order["ended"].value <= self.time and order["status"] != "filled":
            return f"in {name} it is {order['status']} ({order['reason']}) at {_stamp(order['ended'].value)}"
        if len(later):
            k = int(later[0])
            return f"in {name} it fills at {_stamp(int(fills.time[k]))}, at {number(float(fills.columns['price'][k]))}"
        if order["ended"] == order["ended"]:
            reason = f" ({order['reason']})" if order["reason"] else ""
            return f"in {name} it ends at {_stamp(order['ended'].value)}, {order['status']}{reason}"
        return f"in {name} it goes on working"


def _the_one(rows: list[dict[str, Any] | None]) -> tuple[int, dict[str, Any]]:
    """Return which run has a row, the first of two, and the row."""
    return next((side, row) for side, row in enumerate(rows) if row is not None)


def _both_of(rows: list[dict[str, Any] | None]) -> tuple[dict[str, Any], dict[str, Any]]:
    one, other = (row for row in rows if row is not None)
    return one, other


def bar_at(result: Result, time: int) -> int | None:
    """Return the number of the bar that closes at a time, or None."""
    stamps = result.bars.timestamps
    t = int(np.searchsorted(stamps, time))
    return t if t < len(stamps) and int(stamps[t]) == time else None


def row_of(stream: Stream, row: int) -> dict[str, Any]:
    """Return a row of a stream as plain values, NaN as None; what is not known any more is left out."""
    found = {}
    for name, values in stream.columns.items():
        if name in stream.unknown and stream.unknown[name][row]:
            continue
        value = values[row]
        value = value.item() if hasattr(value, "item") else value
        if name in _TIMES and isinstance(value, int):
            value = _stamp(value)
        found[name] = None if value != value else value
    return found


def _stamp(time: int) -> str:
    return "never" if time == NO_TIME else time_text(time)


def _head(stream: str, row: dict[str, Any]) -> str:
    """Return what a row is about."""
    if stream == "record":
        return f"record {row['name']!r}"
    about = f" of order {row.get('order_id', row.get('id'))}" if row.get("order_id", row.get("id")) else ""
    symbol = f" for {clean(row['symbol'])}" if row.get("symbol") else ""
    kind = str(row.get("kind", "")).replace("_", " ")
    if stream == "cash_flow":
        return f"{kind}{symbol}"
    if stream in ("change", "outcome"):
        return f"{kind}{about}{symbol}"
    return f"{stream}{about}{symbol}"


def _both(name: str, x: Any, y: Any, names: tuple[str, str]) -> str:
    """Return two values, with as many digits as it takes to tell them apart."""
    one, other = _text(name, x), _text(name, y)
    if one == other and isinstance(x, float):
        one, other = repr(x), repr(y)
    return f"{one} in {names[0]}, {other} in {names[1]}"


def _text(name: str, value: Any) -> str:
    if isinstance(value, float):
        return money(value) if name in _MONEY else number(value)
    return "none" if value is None or value == "" else clean(value)


def _is_tiny(x: Any, y: Any) -> bool:
    """Whether two numbers differ by no more than what follows from rounding; told only where nothing else differs."""
    return isinstance(x, float) and isinstance(y, float) and abs(x - y) <= 1e-12 * max(abs(x), abs(y))


def _told(name: str, value: Any) -> bool:
    """Whether a value says something: an id of 0 is none."""
    return value not in ("", None, "never") and not (value == 0 and name.endswith("_id"))


def _verb(quantity: float) -> str:
    return "buy" if quantity > 0.0 else "sell"
