"""Words for parts of an order's life: numbers, moments, ids, what it was, how it was sent, and its fills."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

from backtester.bars.check import time_text
from backtester.explain.history import OrderHistory
from backtester.explain.reasons import KINDS, TIFS
from backtester.explain.shapes import split_words
from backtester.kernel.codes import ChangeKind, OrderKind, Phase, Reason, Role, Tif

_VERBS = {
    OrderKind.MARKET: "ctx.order",
    OrderKind.LIMIT: "ctx.limit",
    OrderKind.STOP: "ctx.stop",
    OrderKind.STOP_LIMIT: "ctx.stop_limit",
    OrderKind.TRAILING_STOP: "ctx.trailing_stop",
}
_PLACES = {
    Phase.OPEN: "at the open",
    Phase.INTRABAR: "inside the bar",
    Phase.CLOSE: "at the close",
    Phase.FORCED: "at the close",
}
_COSTS = ("commission", "spread", "slippage", "impact", "rounding")
MOST_IDS = 12


def number(value: float) -> str:
    """Return a price or a quantity with up to ten significant digits."""
    return f"{value:,.10g}"


def money(value: float) -> str:
    """Return money with two decimals; small amounts with four significant digits."""
    return f"{value:,.2f}" if value == 0.0 or abs(value) >= 1.0 else f"{value:.4g}"


def moment(history: OrderHistory, t: int) -> str:
    """Return the time of a bar's close."""
    return time_text(int(history.bars.timestamps[t]))


def at_bar(history: OrderHistory, t: int) -> str:
    """Return a bar with its time, or only its number where the run ended before."""
    return f"bar {t} ({moment(history, t)})" if t < history.bars.n_bars else f"bar {t}"


def ids(orders: Iterable[int]) -> str:
    """Return "order 3" or "orders 3, 4 and 7"; of many, the first and how many more."""
    listed = [str(int(order)) for order in orders]
    if len(listed) == 1:
        return f"order {listed[0]}"
    if len(listed) > MOST_IDS:
        return f"orders {', '.join(listed[:MOST_IDS])} and {len(listed) - MOST_IDS} more"
    return f"orders {', '.join(listed[:-1])} and {listed[-1]}" if listed else "no order"


def signed(quantity: float) -> str:
    """Return "buy 5" or "sell 5"."""
    return f"{'buy' if quantity > 0 else 'sell'} {number(abs(quantity))}"


def is_parent(history: OrderHistory) -> bool:
    """Whether an order is the entry of a bracket."""
    return history.order.parent == history.order.id


def group_of(history: OrderHistory) -> list[int]:
    """Return the other orders of a rebalance."""
    o, orders = history.order, history.orders
    return [] if o.group == 0 else orders["id"][(orders["group"] == o.group) & (orders["id"] != o.id)].tolist()


# --- what it was -----------------------------------------------------------------------------------------------------


def headline(history: OrderHistory) -> str:
    """Return the first line: what the order was."""
    o = history.order
    parts = [f"Order {o.id}: {KINDS[OrderKind(o.kind)]} {_wish(history)}"]
    parts += _prices(history)
    if Tif.GTC <= o.tif <= Tif.GTD and not history.is_forced:
        when = f" {time_text(o.expire)}" if o.tif == Tif.GTD and o.expire > 0 else ""
        parts.append(f"{TIFS[Tif(o.tif)]}{when}")
    if o.tag:
        parts.append(f"tag {o.tag}")
    return ", ".join(parts)


def _wish(history: OrderHistory) -> str:
    o = history.order
    if o.role == Role.TARGET:
        target = history.shapes[0].target
        goal = "an undefined target" if target != target else f"a target position of {number(target)}"
        return f"to {goal} {history.symbol}"
    first = history.first_quantity
    if first == first and first != 0.0:
        return f"to {signed(first)} {history.symbol}"
    side = {1: "to buy", -1: "to sell"}.get(history.side, "in")
    return f"{side} {history.symbol}"


def _prices(history: OrderHistory) -> list[str]:
    """Return the prices it was sent with, as far as the tables still have them."""
    o = history.order
    found = []
    if o.kind == OrderKind.TRAILING_STOP:
        distance = history.shapes[0].distance
        if distance == distance:
            found.append(f"distance {number(distance)}")
        if o.distance_frac == o.distance_frac:
            found.append(f"distance {number(o.distance_frac)} of the price")
        return found
    for name, word in (("stop_price", "stop"), ("limit_price", "limit")):
        price = history.first_price(name)
        if price == price and (o.distance_frac != o.distance_frac or o.eligible >= 0):
            found.append(f"{word} {number(price)}")
    if o.distance_frac == o.distance_frac:
        found.append(f"{number(o.distance_frac)} of the entry price away")
    return found


def relations(history: OrderHistory) -> str:
    """Return which other orders it belongs to, or an empty string."""
    o = history.order
    said = []
    if is_parent(history):
        said.append(f"Entry of a bracket: stop loss order {o.id + 1}, take profit order {o.id + 2}.")
    elif history.is_child:
        word = "Stop loss" if o.role == Role.STOP_LOSS else "Take profit"
        said.append(f"{word} of the bracket entered by order {o.parent}; the other leg is order {o.partner}.")
        said.append("Its quantity follows what the entry has filled and the other leg has taken.")
    if o.partner and not history.is_child:
        said.append(f"Paired with order {o.partner} (oco): what one fills is taken off the other.")
    if o.role == Role.SCALE_OUT:
        said.append("A rung of scale_out: it only reduces, and goes with the position.")
    others = group_of(history)
    if o.group:
        said.append(f"Part of a rebalance{f' with {ids(others)}' if others else ''}.")
    return " ".join(said)


# --- how it was sent -------------------------------------------------------------------------------------------------


def verb_of(history: OrderHistory) -> str:
    """Return the verb that sends such an order."""
    o = history.order
    if is_parent(history):
        return "ctx.bracket"
    if o.group:
        return "ctx.rebalance"
    if history.close_request:
        return "ctx.close_position"
    if o.role == Role.SCALE_OUT:
        return "ctx.scale_out"
    if o.role == Role.TARGET:
        return "a target verb (ctx.order_target, order_target_value or order_target_percent)"
    return _VERBS[OrderKind(o.kind)]


def submission(history: OrderHistory) -> str:
    """Return how it was sent, and when it could first fill."""
    o = history.order
    if o.role == Role.LIQUIDATION:
        return "made by the margin check, at the close"
    if o.role == Role.CLOSE_AT_END:
        return "made by close_at_end=True, at the last close"
    if o.role == Role.DRAWDOWN_STOP:
        return f"made by the account at max_drawdown, to close the position; {_eligibility(history)}"
    if history.is_child:
        sent = f"sent with order {o.parent} by ctx.bracket"
        over = history.refused_at_once or o.reason == Reason.LEG_ABSENT
        return sent if over else f"{sent}; asleep until order {o.parent} fills"
    sent = f"sent by {verb_of(history)}"
    return sent if history.refused_at_once else f"{sent}; {_eligibility(history)}"


def _eligibility(history: OrderHistory) -> str:
    o, late = history.order, history.terms.latency_bars
    beyond = ", after the end of the run" if o.eligible >= history.bars.n_bars else ""
    more = f" plus latency_bars={late}" if late else ""
    if history.at_close:
        rule = f"the bar of its decision{more}, as fill_at='close'"
        return f"may fill from the close of {at_bar(history, o.eligible)} on, {rule}{beyond}"
    return f"may fill from {at_bar(history, o.eligible)} on, the bar after its decision{more}{beyond}"


# --- fills -----------------------------------------------------------------------------------------------------------


def fill_text(history: OrderHistory, row: int) -> str:
    """Return one fill: quantity, price, where the price comes from, costs by kind."""
    fill = history.all_fills[row]
    quantity, price, reference = (float(fill[name]) for name in ("quantity", "price", "reference_price"))
    done = f"{'bought' if quantity > 0 else 'sold'} {number(abs(quantity))} at {number(price)}"
    source = f"{_PLACES[Phase(int(fill['phase']))]}, {'taker' if fill['taker'] else 'resting limit'}"
    basis = f"reference {number(reference)}, {_source(history, row)}"
    costs = [f"{name} {money(float(fill[name]))}" for name in _COSTS if fill[name] != 0.0]
    return f"{done} {source} ({basis}); {'costs: ' + ', '.join(costs) if costs else 'no costs'}{_so_far(history, row)}"


def _source(history: OrderHistory, row: int) -> str:
    """Return which price the reference of a fill is."""
    fill = history.all_fills[row]
    phase, t, reference = int(fill["phase"]), int(fill["bar"]), float(fill["reference_price"])
    if phase == Phase.OPEN:
        return "the open"
    if phase >= Phase.CLOSE:
        return "the close"
    assert history.span is not None
    k, levels = t - history.span[0], history.levels
    if not fill["taker"]:
        return "its limit"
    entry = history.entered_inside(t)
    if reference == levels.stop[k]:
        return "its stop"
    return f"where order {entry} filled" if entry else "the price it was reached at"


def _so_far(history: OrderHistory, row: int) -> str:
    """Return how much of the order has filled by a fill, where that is not all at once."""
    rows, t = history.fill_rows, int(history.all_fills["bar"][row])
    if len(rows) == 1:
        return ""
    return f"; {number(sum(history.size_of(int(k), t) for k in rows[rows <= row]))} in all so far"


# --- changes ---------------------------------------------------------------------------------------------------------


def change_text(history: OrderHistory, c: SimpleNamespace) -> str:
    """Return what a change asked for, as the call that the strategy made."""
    o = history.order
    if c.kind == ChangeKind.CANCEL:
        return f"ctx.cancel({c.order_id})"
    if c.kind == ChangeKind.CANCEL_ALL:
        return f"ctx.{'close_position' if c.quantity == 1.0 else 'cancel_all'}({o.asset})"
    if c.kind == ChangeKind.OCO:
        return f"ctx.oco({c.order_id}, {c.other})"
    asked = _modified(c.price * c.ratio, c.quantity / c.ratio)
    text = f"ctx.modify({', '.join([str(c.order_id), *asked])})"
    if c.ratio == 1.0 or not asked:
        return text
    return f"{text}, by a {split_words(c.ratio)} {', '.join(_modified(c.price, c.quantity))}"


def _modified(price: float, quantity: float) -> list[str]:
    return [f"{name}={value:.10g}" for name, value in (("price", price), ("quantity", quantity)) if value == value]


def split_effect(history: OrderHistory, c: SimpleNamespace) -> str:
    """Return what a split did to the order."""
    o = history.order
    k = history.effective.index(c)
    before, after = history.shapes[k], history.shapes[k + 1]
    said = []
    if o.role == Role.TARGET:
        said.append(f"target {number(before.target)} → {number(after.target)}")
    if c.old_quantity != 0.0:
        said.append(f"quantity {number(c.old_quantity)} → {number(c.quantity)}")
    level = c.moves_limit or o.kind in (OrderKind.MARKET, OrderKind.LIMIT)
    if o.kind == OrderKind.TRAILING_STOP and c.price == c.price:
        said.append(f"level {number(c.old_price)} → {number(c.price)}")
    elif not level and c.price == c.price:
        said.append(f"stop {number(c.old_price)} → {number(c.price)}")
    if before.limit_price == before.limit_price and after.limit_price == after.limit_price:
        said.append(f"limit {number(before.limit_price)} → {number(after.limit_price)}")
    if before.distance == before.distance:
        said.append(f"distance {number(before.distance)} → {number(after.distance)}")
    text = f"{split_words(c.ratio)} of {history.symbol}"
    return f"{text}: {', '.join(said)}" if said else text


def change_effect(history: OrderHistory, c: SimpleNamespace) -> str:
    """Return what a modify that took effect did."""
    said = []
    if c.price == c.price:
        word = "limit" if c.moves_limit else "stop"
        before = number(c.old_price) if c.old_price == c.old_price else "a fraction of the entry price"
        said.append(f"{word} {before} → {number(c.price)}")
    if c.quantity == c.quantity:
        later = history.quantity_changes[history.quantity_changes.index(c) + 1 :]
        now = later[0].old_quantity if later else history.order.quantity
        known = bool(later) or history.order.partner == 0
        said.append(f"quantity {number(c.old_quantity)} {'→ ' + number(now) if known else 'changed'}")
    return ", ".join(said)
