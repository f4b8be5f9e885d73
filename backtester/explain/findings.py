"""The values behind the reason of an order: for each code, what was found, in one clause without a full stop.

An empty answer means that the tables hold no value to show; nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from backtester.bars.check import time_text
from backtester.exchange import split_at
from backtester.explain.history import OrderHistory
from backtester.explain.reasons import reason_of
from backtester.explain.room import (
    asked_for,
    drawdown_found,
    fitted,
    liquidation_found,
    meeting,
    room_found,
    short_found,
    size_found,
)
from backtester.explain.shapes import split_words
from backtester.explain.words import at_bar, group_of, ids, money, number, signed
from backtester.kernel.codes import CashFlowKind, ChangeKind, OrderKind, Reason, Role, Status

Finding = Callable[[OrderHistory], str]


def found_values(history: OrderHistory) -> str:
    """Return what was found for the reason an order ended with; empty where there is nothing to show."""
    find = _FINDINGS.get(Reason(history.order.reason))
    return find(history) if find is not None else ""


# --- refused at submission -------------------------------------------------------------------------------------------


def _quantity(h: OrderHistory) -> str:
    return number(h.order.quantity)


def _below_lot(h: OrderHistory) -> str:
    return f"{number(h.order.quantity)}, and lot_size is {number(h.terms.lot_size)}"


def _too_large(h: OrderHistory) -> str:
    o = h.order
    if o.role != Role.TARGET:
        return number(o.quantity)
    return f"a target of {number(o.target)}" if o.target == o.target else ""


def _is_invalid(h: OrderHistory, price: float) -> bool:
    return not math.isfinite(price) or (price <= 0.0 and not h.bars.allow_negative)


def _legs(h: OrderHistory) -> list[tuple[str, float, float]]:
    """Return (name, price, fraction) of the legs of a bracket."""
    o = h.order
    if o.parent != o.id:
        return []
    stop, target = h.orders[o.id], h.orders[o.id + 1]
    return [
        ("stop_loss", float(stop["stop_price"]), float(stop["distance_frac"])),
        ("take_profit", float(target["limit_price"]), float(target["distance_frac"])),
    ]


def _price(h: OrderHistory) -> str:
    o = h.order
    names = {
        OrderKind.LIMIT: ["limit_price"],
        OrderKind.STOP: ["stop_price"],
        OrderKind.STOP_LIMIT: ["stop_price", "limit_price"],
    }
    prices = [(name.replace("_", " "), getattr(o, name)) for name in names.get(OrderKind(o.kind), [])]
    wrong = [f"{name} is {price}" for name, price in prices if _is_invalid(h, price)]
    for name, price, fraction in _legs(h):
        if price == price and fraction == fraction:
            wrong.append(f"{name}={number(price)} and {name}_frac={number(fraction)} were both given")
        elif price == price and _is_invalid(h, price):
            wrong.append(f"{name} is {price}")
    return ", ".join(wrong)


def _distance(h: OrderHistory) -> str:
    pairs = (("distance", h.order.distance), ("distance_frac", h.order.distance_frac))
    given = [f"{name}={value}" for name, value in pairs if value == value]
    return " and ".join(given) or "neither distance nor distance_frac"


def _no_mark(h: OrderHistory) -> str:
    mark = h.account.mark(h.order.submitted)
    if mark == mark:
        return f"the last close of {h.symbol} is {number(mark)}"
    return f"{h.symbol} has no bar up to {at_bar(h, h.order.submitted)}"


def _wrong_side(leg: int) -> Finding:
    def find(h: OrderHistory) -> str:
        o = h.order
        entry = h.account.mark(o.submitted)
        word = "the last close"
        if o.kind in (OrderKind.LIMIT, OrderKind.STOP_LIMIT):
            entry, word = o.limit_price, "the entry limit"
        elif o.kind == OrderKind.STOP:
            entry, word = o.stop_price, "the entry stop"
        name, price, fraction = _legs(h)[leg]
        at = f"{name}={number(price)}" if price == price else f"{name}_frac={fraction:.10g}"
        return f"{signed(o.quantity)} with {at}, and {word} is {number(entry)}"

    return find


def _expire(h: OrderHistory) -> str:
    return f"expire is {h.order.expire}"


def _asset(h: OrderHistory) -> str:
    n = h.bars.n_assets
    return f"asset {h.order.asset} was asked for; there {'is one asset: 0' if n == 1 else f'are {n}: 0 to {n - 1}'}"


def _tif(h: OrderHistory) -> str:
    return f"tif is {h.order.tif}"


def _bankrupt(h: OrderHistory) -> str:
    flows = h.result.tables.flows
    rows = flows[flows["kind"] == CashFlowKind.WRITE_OFF]
    if len(rows) == 0:
        return ""
    return f"equity was written off to 0 in {at_bar(h, int(rows['bar'][0]))}, by {money(float(rows['amount'][0]))}"


def _parent(h: OrderHistory) -> str:
    parent = h.other(h.order.parent).order
    status = Status(parent.status).name.lower()
    why = f": {reason_of(parent.reason).what}" if parent.reason else ""
    return f"order {parent.id} was {status}{why}"


# --- in the market ---------------------------------------------------------------------------------------------------


def _scaled(h: OrderHistory) -> str:
    o, others = h.order, group_of(h)
    said = f"{number(fitted(h))} of {number(asked_for(h))} filled"
    if o.scale == o.scale:
        said += f", what increases the position scaled by {number(o.scale)}"
    return f"{said}; the rebalance also holds {ids(others)}" if others else said


def _at_once(h: OrderHistory) -> str:
    """Return why an IOC or FOK order did not fill (in full) in the one bar it was judged in."""
    o, t = h.order, h.order.ended
    if h.span is None or t > h.span[1]:
        return ""
    k, levels = t - h.span[0], h.levels
    if levels.missing[k]:
        return f"{h.symbol} has no bar then"
    if levels.dead[k]:
        return "the volume of that bar is 0"
    if levels.state[k] == "z":
        return "there was no position to reduce"
    if not levels.at_open[k]:
        word, level = ("limit", levels.limit[k]) if levels.state[k] == "l" else ("stop", levels.stop[k])
        return f"the open was {number(float(h.bars.open[t, o.asset]))}, and the {word} is {number(float(level))}"
    asked, got = asked_for(h), fitted(h)
    most, used, _ = h.account.allowance(t)
    if most < asked:
        return f"{number(asked)} asked for, and max_participation allows {number(most)} of that bar's volume"
    if used - got > 0.0 and most - (used - got) < asked:
        return (
            f"{number(asked)} asked for, and other orders had used {number(used - got)} of the {number(most)} allowed"
        )
    if o.role >= Role.STOP_LOSS:
        return f"{number(asked)} asked for, and the position was {number(h.account.position_before(t))}"
    if o.reason == Reason.FOK_NOT_FILLED:
        held = h.account.position_at(h.account.row_of_phase(t, meeting(h)[0]), t)
        return short_found(h) if not h.terms.allow_short and h.side < 0 and held < asked else room_found(h)
    return f"{number(got)} of {number(asked)} filled"


def _session(h: OrderHistory) -> str:
    day = np.datetime64(int(h.bars.sessions[h.order.ended]), "D")
    return f"session {day} ended with {at_bar(h, h.order.ended)}"


def _date(h: OrderHistory) -> str:
    return f"expire is {time_text(h.order.expire)}"


def _data(h: OrderHistory) -> str:
    n = h.bars.n_bars
    return f"the run was interrupted after {n} bars" if h.terms.interrupted else f"the last bar is bar {n - 1}"


# --- cancelled -------------------------------------------------------------------------------------------------------


def _by_user(h: OrderHistory) -> str:
    cancels = [c for c in h.changes if c.kind in (ChangeKind.CANCEL, ChangeKind.CANCEL_ALL) and c.acts == h.order.ended]
    return f"asked for in {at_bar(h, cancels[0].bar)}" if cancels else ""


def _closed_by(h: OrderHistory) -> str:
    sweeps = [c for c in h.changes if c.kind == ChangeKind.CANCEL_ALL and c.quantity == 1.0]
    if not sweeps:
        return ""
    closer = sweeps[0].order_id + 1
    made = closer <= len(h.orders) and h.other(closer).close_request
    return f"asked for in {at_bar(h, sweeps[0].bar)}" + (f", with order {closer}" if made else "")


def _replaced(h: OrderHistory) -> str:
    o, orders = h.order, h.orders
    later = (orders["id"] > o.id) & (orders["asset"] == o.asset) & (orders["role"] == Role.TARGET)
    later &= orders["eligible"] == o.ended
    for order_id in orders["id"][later].tolist():
        other = h.other(order_id)
        if not other.refused_at_once and not (other.ended_at_start and other.order.reason in _NEVER_ELIGIBLE):
            return f"order {order_id} became eligible in {at_bar(h, o.ended)}"
    return ""


_NEVER_ELIGIBLE = (Reason.CANCELLED_BY_USER, Reason.CLOSE_POSITION, Reason.GTD_ENDED)


def _target(h: OrderHistory) -> str:
    return f"the target is {number(h.order.target)}"


def _leg(h: OrderHistory) -> str:
    return (
        f"order {h.order.parent} was sent without a {'stop loss' if h.order.role == Role.STOP_LOSS else 'take profit'}"
    )


def _other_leg(h: OrderHistory) -> str:
    o = h.order
    size = h.other(o.partner).size_filled(o.ended)
    return f"order {o.partner} had filled {number(size)}" if size else ""


def _nothing(h: OrderHistory) -> str:
    o, fills = h.order, h.all_fills
    if h.ended_at_start:
        return f"a {split_words(split_at(h.bars, o.ended, o.asset))} left nothing of the position"
    here = np.unique(fills["order_id"][(fills["bar"] == o.ended) & (fills["asset"] == o.asset)])
    return f"{ids(here.tolist())} filled in that bar" if len(here) else ""


def _legs_ended(h: OrderHistory) -> str:
    said = []
    for leg in (h.order.id + 1, h.order.id + 2):
        o = h.other(leg).order
        if o.reason != Reason.LEG_ABSENT:
            said.append(f"order {leg} {Status(o.status).name.lower()}")
    return ", ".join(said)


def _modified(h: OrderHistory) -> str:
    return f"{number(abs(h.order.filled))} had filled"


def _split(h: OrderHistory) -> str:
    change, lot = h.effective[-1], number(h.terms.lot_size)
    became = f"{number(change.old_quantity)} became {number(change.old_quantity * change.ratio)}"
    filled = f", of which {number(abs(h.order.filled))} had filled" if h.order.filled else ""
    return f"{became} in a {split_words(change.ratio)}{filled}, and lot_size is {lot}"


def _delisted(h: OrderHistory) -> str:
    prices = h.bars.extras["delisting"][: h.order.ended + 1, h.order.asset]
    t = int(np.flatnonzero(~np.isnan(prices))[0])
    return f"{h.symbol} was delisted before the open of {at_bar(h, t)}, at {number(float(prices[t]))}"


_FINDINGS: dict[Reason, Finding] = {
    Reason.QUANTITY_NOT_FINITE: _quantity,
    Reason.QUANTITY_BELOW_LOT: _below_lot,
    Reason.QUANTITY_TOO_LARGE: _too_large,
    Reason.PRICE_INVALID: _price,
    Reason.DISTANCE_INVALID: _distance,
    Reason.NO_MARK: _no_mark,
    Reason.STOP_LOSS_WRONG_SIDE: _wrong_side(0),
    Reason.TAKE_PROFIT_WRONG_SIDE: _wrong_side(1),
    Reason.EXPIRE_MISSING: _expire,
    Reason.ASSET_UNKNOWN: _asset,
    Reason.TIF_UNKNOWN: _tif,
    Reason.BANKRUPT: _bankrupt,
    Reason.PARENT_REJECTED: _parent,
    Reason.INSUFFICIENT_EQUITY: room_found,
    Reason.SHORT_NOT_ALLOWED: short_found,
    Reason.SCALED_TO_EQUITY: _scaled,
    Reason.FOK_NOT_FILLED: _at_once,
    Reason.IOC_REMAINDER: _at_once,
    Reason.DAY_ENDED: _session,
    Reason.GTD_ENDED: _date,
    Reason.DATA_ENDED: _data,
    Reason.CANCELLED_BY_USER: _by_user,
    Reason.REPLACED_BY_TARGET: _replaced,
    Reason.TARGET_REACHED: _target,
    Reason.LEG_ABSENT: _leg,
    Reason.OTHER_LEG_FILLED: _other_leg,
    Reason.NOTHING_TO_REDUCE: _nothing,
    Reason.PARENT_ENDED: _parent,
    Reason.LEGS_ENDED: _legs_ended,
    Reason.CLOSE_POSITION: _closed_by,
    Reason.REDUCED_BY_MODIFY: _modified,
    Reason.LIQUIDATION: liquidation_found,
    Reason.ORDER_TOO_LARGE: size_found,
    Reason.EXPOSURE_LIMIT: room_found,
    Reason.SPLIT: _split,
    Reason.DELISTED: _delisted,
    Reason.DRAWDOWN_LIMIT: drawdown_found,
}
