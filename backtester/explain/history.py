"""What the tables and the bars of a result say about one order: its changes, its price levels, and its bars.

Nothing is simulated again. Tables keep the last state of an order; earlier prices are read off its changes
(`shapes`), and trailing levels are rebuilt from the bars and then checked against the table. What cannot be had that
way is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.exchange import split_at
from backtester.explain.account import AccountView, Terms
from backtester.explain.shapes import Shape, shapes_of, units_from
from backtester.kernel.codes import ChangeKind, ChangeOutcome, OrderKind, Phase, Reason, Role, Status, Tif
from backtester.summary_text import clean

if TYPE_CHECKING:
    from backtester.result import Result

#: reasons that end an order at the start of a bar, before the bar can fill it
_AT_START = (
    Reason.CANCELLED_BY_USER,
    Reason.CLOSE_POSITION,
    Reason.REDUCED_BY_MODIFY,
    Reason.REPLACED_BY_TARGET,
    Reason.TARGET_REACHED,
    Reason.SPLIT,
    Reason.DELISTED,
)
_FORCED_ROLES = (Role.LIQUIDATION, Role.CLOSE_AT_END)
_OF_ORDERS = (ChangeKind.CANCEL, ChangeKind.MODIFY, ChangeKind.OCO, ChangeKind.SPLIT)


@dataclass(frozen=True)
class Levels:
    """Per bar of the order's span: its prices, and what the bar did about them; all of one length."""

    limit: np.ndarray  # float64, NaN where there is none
    stop: np.ndarray
    state: np.ndarray  # "m" market, "l" limit, "s" stop, "z" asleep
    missing: np.ndarray  # bool: no bar
    dead: np.ndarray  # bool: volume 0
    at_open: np.ndarray  # bool: the open lets it fill
    in_bar: np.ndarray  # bool: low or high reaches it
    distance: np.ndarray  # float64: how far low or high (IOC, FOK: the open) stayed away, in price


def as_row(table: np.ndarray, row: int) -> SimpleNamespace:
    """Return a table row with Python numbers as attributes."""
    return SimpleNamespace(**{name: table[name][row].item() for name in table.dtype.names or ()})


class OrderHistory:
    """The life of one order.

    Attributes
    ----------
    order : namespace
        Its row in the order table.
    span : (int, int) or None
        First and last bar it met while it could fill.
    """

    def __init__(self, result: Result, row: int):
        self.result = result
        self.bars = result.bars
        self.orders = result.tables.orders
        self.order = as_row(self.orders, row)
        self.terms = Terms.of(result, self.order.asset)
        self.account = AccountView(result, self.order.asset, self.terms)
        self.all_fills = result.tables.fills
        self.fill_rows = np.flatnonzero(self.all_fills["order_id"] == self.order.id)
        self.symbol = self._symbol()

    def _symbol(self) -> str:
        o = self.order
        return clean(self.bars.symbols[o.asset]) if 0 <= o.asset < self.bars.n_assets else f"asset {o.asset}"

    def other(self, order_id: int) -> OrderHistory:
        """Return the history of another order."""
        return OrderHistory(self.result, order_id - 1)

    # --- what it is --------------------------------------------------------------------------------------------------

    @cached_property
    def is_forced(self) -> bool:
        """Whether the account made it itself."""
        return self.order.role in _FORCED_ROLES

    @cached_property
    def is_child(self) -> bool:
        """Whether it is a leg of a bracket."""
        return self.order.role in (Role.STOP_LOSS, Role.TAKE_PROFIT)

    @cached_property
    def refused_at_once(self) -> bool:
        """Whether it was refused at submission: it never had a bar from which it could fill."""
        return self.order.status == Status.REJECTED and self.order.eligible < 0

    @cached_property
    def at_close(self) -> bool:
        """Whether it is matched at closes."""
        return self.terms.fill_at == "close" and self.order.kind == OrderKind.MARKET and not self.is_forced

    @cached_property
    def is_immediate(self) -> bool:
        """Whether it is judged at its first eligible open (or close) alone: IOC and FOK."""
        return self.order.tif in (Tif.IOC, Tif.FOK)

    @cached_property
    def side(self) -> int:
        """+1 buys, -1 sells, 0 where the table does not say."""
        quantity = self.order.quantity or self.first_quantity
        if quantity == 0.0 and self.is_child:
            quantity = -self.orders["quantity"][self.order.parent - 1]
        return int(np.sign(quantity)) if quantity == quantity else 0

    @cached_property
    def close_request(self) -> bool:
        """Whether `close_position` sent it: it cancels everything of the asset just before."""
        o, c = self.order, self.result.tables.changes
        if o.role != Role.TARGET or o.target != 0.0:
            return False
        same = (c["kind"] == ChangeKind.CANCEL_ALL) & (c["bar"] == o.submitted) & (c["other"] == o.asset)
        return bool(np.any(same & (c["order_id"] == o.id - 1) & (c["quantity"] == 1.0)))

    # --- changes -----------------------------------------------------------------------------------------------------

    @cached_property
    def changes(self) -> list[SimpleNamespace]:
        """Every cancel, modify, oco and split that named it, and every cancel_all that found it alive.

        In the order in which they acted. Those that move a price or a quantity know which price (`moves_limit`); a
        split knows its `ratio`, and a modify that of the splits it waited through.
        """
        c, o = self.result.tables.changes, self.order
        named = np.isin(c["kind"], _OF_ORDERS) & (c["order_id"] == o.id)
        named |= (c["kind"] == ChangeKind.OCO) & (c["other"] == o.id)
        swept = (c["kind"] == ChangeKind.CANCEL_ALL) & (c["other"] == o.asset) & (c["order_id"] >= o.id)
        if o.reason in (Reason.CANCELLED_BY_USER, Reason.CLOSE_POSITION):
            swept &= (c["acts"] == o.ended) & (c["outcome"] == ChangeOutcome.DONE)
        else:
            swept &= (c["outcome"] == ChangeOutcome.DATA_ENDED) & (o.reason == Reason.DATA_ENDED)
        rows = [as_row(c, int(row)) for row in np.flatnonzero(named | swept)]
        for row in rows:
            row.moves_limit = o.kind == OrderKind.LIMIT or (
                o.kind == OrderKind.STOP_LIMIT and 0 <= o.triggered < row.acts
            )
            if row.kind == ChangeKind.SPLIT:
                row.ratio = split_at(self.bars, row.acts, o.asset)
            elif row.kind == ChangeKind.MODIFY:
                waited = range(row.bar + 1, min(row.acts, self.bars.n_bars))
                row.ratio = math.prod(split_at(self.bars, t, o.asset) for t in waited)
        return sorted(rows, key=lambda row: (row.acts if row.acts >= 0 else row.bar, row.kind == ChangeKind.SPLIT))

    @cached_property
    def effective(self) -> list[SimpleNamespace]:
        """The modifies and splits that took effect, in their order."""
        kinds = (ChangeKind.MODIFY, ChangeKind.SPLIT)
        return [c for c in self.changes if c.kind in kinds and c.outcome == ChangeOutcome.DONE]

    @cached_property
    def quantity_changes(self) -> list[SimpleNamespace]:
        """The modifies and splits that changed the quantity."""
        return [c for c in self.effective if c.quantity == c.quantity]

    @cached_property
    def first_quantity(self) -> float:
        """The quantity before anything changed it; of a target or a leg, when it was fixed; NaN where none was given.

        In the units of that time.
        """
        known = [c.old_quantity for c in self.quantity_changes if c.old_quantity != 0.0]
        return known[0] if known else self.order.quantity

    @cached_property
    def shapes(self) -> list[Shape]:
        """Its prices from the first to the last, each with the bar from which it holds."""
        return shapes_of(self.order, self.effective)

    def shape_at(self, t: int) -> Shape:
        """Return its prices in bar t."""
        return [shape for shape in self.shapes if shape.since <= t or shape is self.shapes[0]][-1]

    def units(self, t: int) -> float:
        """Return how many units of its end one unit of bar t has become."""
        return units_from(self.effective, t)

    def size_filled(self, t: int) -> float:
        """Return what had filled up to bar t, unsigned, in the units of that bar."""
        rows = self.fill_rows[self.all_fills["bar"][self.fill_rows] <= t]
        return sum(self.size_of(int(row), t) for row in rows)

    def size_of(self, row: int, t: int) -> float:
        """Return the size of one of its fills, in the units of bar t."""
        fill = self.all_fills[row]
        return abs(float(fill["quantity"])) * (self.units(int(fill["bar"])) / self.units(t))

    # --- bars --------------------------------------------------------------------------------------------------------

    @cached_property
    def ended_at_start(self) -> bool:
        """Whether it ended before the bar in which it ended could fill it."""
        o = self.order
        if o.ended < 0 or self.refused_at_once:
            return False
        if o.reason == Reason.NOTHING_TO_REDUCE:
            return not len(self.fill_rows_of(o.ended)) and self.account.closed_by_action(o.ended)
        if o.reason == Reason.LEGS_ENDED:
            legs = [self.other(leg) for leg in (o.id + 1, o.id + 2)]
            last = [leg for leg in legs if leg.order.ended == o.ended]
            return bool(last) and all(leg.ended_at_start for leg in last)
        late = o.reason == Reason.GTD_ENDED and o.expire < int(self.bars.timestamps[o.ended])
        return o.reason in _AT_START or late

    def fill_rows_of(self, t: int) -> np.ndarray:
        """Return the rows of its own fills in bar t."""
        return self.fill_rows[self.all_fills["bar"][self.fill_rows] == t]

    @cached_property
    def span(self) -> tuple[int, int] | None:
        """First and last bar it met while it could fill, or None."""
        o = self.order
        last = self.bars.n_bars - 1 if o.ended < 0 else o.ended
        if self.ended_at_start:
            last -= 1
        if self.refused_at_once or self.is_forced or o.eligible < 0 or o.eligible > last:
            return None
        if o.status in (Status.DORMANT, Status.PENDING):
            return None
        return o.eligible, last

    @cached_property
    def fills_by_bar(self) -> dict[int, list[int]]:
        """Rows of its fills in the fill table, by bar."""
        found: dict[int, list[int]] = {}
        for row in self.fill_rows.tolist():
            found.setdefault(int(self.all_fills["bar"][row]), []).append(row)
        return found

    def first_price(self, name: str) -> float:
        """Return `limit_price` or `stop_price` as it was sent; NaN where there is none."""
        return getattr(self.shapes[0], name)

    def _series(self, name: str) -> np.ndarray:
        """Return a price of the order per bar of its span."""
        assert self.span is not None
        first, last = self.span
        values = np.empty(last - first + 1)
        for shape in self.shapes:
            values[max(shape.since - first, 0) :] = getattr(shape, name)
        return values

    @cached_property
    def trailing_start(self) -> tuple[int, int | None, float]:
        """When a trailing stop woke: bar (-1: never), row of the fill that woke it (None: at once), and its level.

        The level is that of the first bar it could be reached in; the bar after the fill for a fill at the close.
        """
        assert self.span is not None
        o, fills = self.order, self.all_fills
        first, last = self.span
        if o.stop_price != o.stop_price:
            return -1, None, float("nan")
        if self.account.position_before(first) * o.quantity < 0.0:
            return first, None, self._level_at(self.account.mark_before(first), first)
        for row, position in self.account.positions_after(first, last):
            if position * o.quantity < 0.0:
                t = int(fills["bar"][row])
                return t, row, self._level_at(float(fills["price"][row]), t)
        return -1, None, float("nan")

    def _level_at(self, best: Any, t: int) -> Any:
        """Return the level at a best price, in the units of bar t."""
        o, distance = self.order, self.shape_at(t).distance
        side = -1.0 if self.side < 0 else 1.0
        return best + side * distance if o.distance_frac != o.distance_frac else best * (1.0 + side * o.distance_frac)

    def _trailing_levels(self) -> np.ndarray:
        """Return the level per bar of the span; NaN while asleep, and throughout where the table disagrees."""
        assert self.span is not None
        o = self.order
        first, last = self.span
        levels = np.full(last - first + 1, np.nan)
        last = o.triggered if o.triggered >= 0 else last
        woke, row, level = self.trailing_start
        if woke < 0:
            return levels
        phase = Phase.OPEN if row is None else int(self.all_fills["phase"][row])
        begin = woke if phase < Phase.CLOSE else woke + 1
        if begin > last:
            return levels
        splits = [c for c in self.effective if c.kind == ChangeKind.SPLIT and woke < c.acts <= last]
        start, path = begin, np.array([level])
        for c in splits:
            if c.acts > start:
                path = self._climb(start, c.acts - 1, level, start == begin and phase == Phase.INTRABAR)
                levels[start - first : c.acts - first] = path[:-1]
            start, level = c.acts, c.price if c.price == c.price else path[-1] / c.ratio
        path = self._climb(start, last, level, start == begin and phase == Phase.INTRABAR)
        if not np.any(np.isclose(path[-2:], o.stop_price * self.units(last), rtol=1e-12, atol=0.0)):
            return np.full(len(levels), np.nan)
        levels[start - first : last + 1 - first] = path[:-1]
        return levels

    def _climb(self, first: int, last: int, level: float, entered: bool) -> np.ndarray:
        """Return the level before each of some bars without a split between, and after the last; [n + 1].

        `entered`: the first of them was entered inside, so that its close stands for its high and low.
        """
        best = (self.bars.high if self.side < 0 else self.bars.low)[first : last + 1, self.order.asset].copy()
        if entered:
            best[0] = self.bars.close[first, self.order.asset]
        path = np.concatenate(([level], self._level_at(best, first)))
        return np.fmax.accumulate(path) if self.side < 0 else np.fmin.accumulate(path)

    @cached_property
    def levels(self) -> Levels:
        """Prices and what the bars did about them, per bar of the span (which must exist)."""
        assert self.span is not None
        o, bars = self.order, self.bars
        first, last = self.span
        rows = np.s_[first : last + 1, o.asset]
        opens, closes, side = bars.open[rows], bars.close[rows], self.side
        limit = self._series("limit_price")
        stop = self._trailing_levels() if o.kind == OrderKind.TRAILING_STOP else self._series("stop_price")
        state = self._states()
        toward, away = (bars.low[rows], bars.high[rows]) if side > 0 else (bars.high[rows], bars.low[rows])
        if self.is_immediate:
            toward = away = opens
        is_limit, is_stop, is_market = state == "l", state == "s", state == "m"
        with np.errstate(invalid="ignore"):
            at_open = is_market | (is_limit & self.allows(limit, opens)) | (is_stop & ((opens - stop) * side >= 0.0))
            in_bar = is_market | (is_limit & self.allows(limit, toward)) | (is_stop & ((away - stop) * side >= 0.0))
            distance = np.where(is_limit, (toward - limit) * side, (stop - away) * side)
        missing = np.isnan(closes)
        dead = ~missing & (bars.volume[rows] == 0.0)
        live = ~missing & ~dead & (side != 0)
        return Levels(limit, stop, state, missing, dead, at_open & live, in_bar & live, distance)

    def allows(self, limit: Any, price: Any) -> Any:
        """Whether the limit allows a price, by `limit_fill`."""
        room = (limit - price) * self.side
        return room >= 0.0 if self.terms.limit_fill == "touch" else room > 0.0

    def _states(self) -> np.ndarray:
        """Return what the order is in each bar of its span: market, limit, stop, or asleep."""
        assert self.span is not None
        o = self.order
        first, last = self.span
        after = np.arange(first, last + 1) > (o.triggered if o.triggered >= 0 else last)
        if o.kind == OrderKind.MARKET:
            return np.full(len(after), "m")
        if o.kind == OrderKind.LIMIT:
            return np.full(len(after), "l")
        if o.kind == OrderKind.STOP_LIMIT:
            return np.where(after, "l", "s")
        state = np.where(after, "m", "s")
        if o.kind == OrderKind.TRAILING_STOP:
            woke, row, _ = self.trailing_start
            at_close = row is not None and self.all_fills["phase"][row] >= Phase.CLOSE
            state[: last + 1 if woke < 0 else max(woke + at_close - first, 0)] = "z"
        return state

    def entered_inside(self, t: int) -> int:
        """Return the order whose fill inside bar t woke this one, or 0: then only what came after it counts."""
        row: int | None = None
        if self.is_child and t == self.order.eligible:
            rows = np.flatnonzero(self.all_fills["order_id"] == self.order.parent)
            row = int(rows[0]) if len(rows) else None
        elif self.order.kind == OrderKind.TRAILING_STOP and self.trailing_start[0] == t:
            row = self.trailing_start[1]
        if row is None or self.all_fills["phase"][row] != Phase.INTRABAR:
            return 0
        return int(self.all_fills["order_id"][row])
