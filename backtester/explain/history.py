"""What the tables and the bars of a result say about one order: its changes, its price levels, and its bars.

Nothing is simulated again. Tables keep the last state of an order; earlier prices are read off its changes, and
trailing levels are rebuilt from the bars and then checked against the table. What cannot be had that way is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.explain.account import AccountView, Terms
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
)
_FORCED_ROLES = (Role.LIQUIDATION, Role.CLOSE_AT_END)
_LAST_REFUSAL = Reason.PARENT_REJECTED  # codes up to this one are refusals at submission


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
        """Whether it was refused at submission."""
        o = self.order
        return o.status == Status.REJECTED and Reason.NONE < o.reason <= _LAST_REFUSAL

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
        quantity = self.order.quantity
        if quantity == 0.0 and len(self.quantity_changes):
            quantity = self.quantity_changes[0].old_quantity
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
        """Every cancel, modify and oco that named it, and every cancel_all that found it alive."""
        c, o = self.result.tables.changes, self.order
        named = (c["kind"] != ChangeKind.CANCEL_ALL) & (c["order_id"] == o.id)
        named |= (c["kind"] == ChangeKind.OCO) & (c["other"] == o.id)
        swept = (c["kind"] == ChangeKind.CANCEL_ALL) & (c["other"] == o.asset) & (c["order_id"] >= o.id)
        if o.reason in (Reason.CANCELLED_BY_USER, Reason.CLOSE_POSITION):
            swept &= (c["acts"] == o.ended) & (c["outcome"] == ChangeOutcome.DONE)
        else:
            swept &= (c["outcome"] == ChangeOutcome.DATA_ENDED) & (o.reason == Reason.DATA_ENDED)
        return [as_row(c, int(row)) for row in np.flatnonzero(named | swept)]

    @cached_property
    def modifies(self) -> list[SimpleNamespace]:
        """The modifies that took effect, in their order."""
        return [c for c in self.changes if c.kind == ChangeKind.MODIFY and c.outcome == ChangeOutcome.DONE]

    @cached_property
    def quantity_changes(self) -> list[SimpleNamespace]:
        """The modifies that changed the quantity."""
        return [c for c in self.modifies if c.quantity == c.quantity]

    def moves_limit(self, change: SimpleNamespace) -> bool:
        """Whether a modify of the price moved the limit, not the stop."""
        o = self.order
        return o.kind == OrderKind.LIMIT or (o.kind == OrderKind.STOP_LIMIT and 0 <= o.triggered < change.acts)

    # --- bars --------------------------------------------------------------------------------------------------------

    @cached_property
    def ended_at_start(self) -> bool:
        """Whether it ended before the bar in which it ended could fill it."""
        o = self.order
        if o.ended < 0 or self.refused_at_once:
            return False
        late = o.reason == Reason.GTD_ENDED and o.expire < int(self.bars.timestamps[o.ended])
        return o.reason in _AT_START or late

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
        """Return `limit_price` or `stop_price` as it was before the first modify; NaN where there is none."""
        for c in self.modifies:
            if c.price == c.price and self.moves_limit(c) == (name == "limit_price"):
                return c.old_price
        return getattr(self.order, name)

    def _series(self, name: str) -> np.ndarray:
        """Return a price of the order per bar of its span, modifies undone backwards."""
        assert self.span is not None
        first, last = self.span
        values = np.full(last - first + 1, getattr(self.order, name))
        for c in reversed(self.modifies):
            if c.price == c.price and self.moves_limit(c) == (name == "limit_price"):
                values[: max(c.acts - first, 0)] = c.old_price
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
            return first, None, self._level_at(self.account.mark_before(first))
        for row in range(self.account.first_row(first), self.account.first_row(last + 1)):
            if fills["asset"][row] == o.asset and self.account.position_at(row + 1) * o.quantity < 0.0:
                return int(fills["bar"][row]), row, self._level_at(float(fills["price"][row]))
        return -1, None, float("nan")

    def _level_at(self, best: Any) -> Any:
        o = self.order
        side = -1.0 if o.quantity < 0.0 else 1.0
        return best + side * o.distance if o.distance_frac != o.distance_frac else best * (1.0 + side * o.distance_frac)

    def _trailing_levels(self) -> np.ndarray:
        """Return the level per bar of the span; NaN while asleep, and throughout where the table disagrees."""
        assert self.span is not None
        o, bars = self.order, self.bars
        first, last = self.span
        levels = np.full(last - first + 1, np.nan)
        last = o.triggered if o.triggered >= 0 else last
        woke, row, start = self.trailing_start
        if woke < 0:
            return levels
        phase = Phase.OPEN if row is None else int(self.all_fills["phase"][row])
        begin = woke if phase < Phase.CLOSE else woke + 1
        if begin > last:
            return levels
        best = (bars.high if o.quantity < 0.0 else bars.low)[begin : last + 1, o.asset].copy()
        if phase == Phase.INTRABAR:
            best[0] = bars.close[begin, o.asset]
        steps = self._level_at(best)
        path = np.concatenate(([start], steps))
        path = np.fmax.accumulate(path) if o.quantity < 0.0 else np.fmin.accumulate(path)
        if not np.any(np.isclose(path[-2:], o.stop_price, rtol=1e-12, atol=0.0)):
            return levels
        levels[begin - first : last + 1 - first] = path[:-1]
        return levels

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
