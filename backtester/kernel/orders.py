"""The order table: new rows, the list of live ones, and the end of an order with what depends on it.

A row is never removed, but a training account uses rows again (`opening.forget`). `active` lists the ids of live
orders in ascending order; ended ones are swept out of it at the end of a bar by which they have become the greater
part. A bracket parent is marked by `parent == id`; its children are `id + 1` (stop) and `id + 2` (target).
"""

import numpy as np

from backtester.kernel.codes import Table
from backtester.kernel.constants import (
    AT_CLOSE,
    CANCELLED,
    DAY,
    DRAWDOWN_STOP,
    FILLED,
    FOK,
    GTD,
    IOC,
    LEGS_ENDED,
    LIQUIDATION,
    MARKET,
    NO_REASON,
    NOTHING_TO_REDUCE,
    PARENT_ENDED,
    PENDING,
    REJECTED,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING,
)
from backtester.kernel.jit import inner_jit
from backtester.kernel.room import give_up, grow

_ORDERS = int(Table.ORDERS)
_ACTIVE = int(Table.ACTIVE)
_REJECTS = int(Table.REJECTS)


@inner_jit
def row_of(s, order_id):
    """Return the row of an order id."""
    return (order_id - 1) & s.order_mask


@inner_jit
def new_order(s, t, asset, kind, role, tif, expire, tag, quantity):
    """Append a live order row that is pending, and return its row; the caller fills in the rest."""
    if s.n_orders - s.first_order > s.order_mask:
        grow(s, _ORDERS)
        if s.n_orders - s.first_order > s.order_mask:
            s.n_orders += give_up(s)
    s.n_orders += 1
    i = row_of(s, s.n_orders)
    o = s.orders[i]
    o.id = s.n_orders
    o.asset = asset
    o.kind = kind
    o.role = role
    o.tif = tif
    o.status = PENDING
    o.reason = NO_REASON
    o.submitted = t
    o.eligible = t + s.latency + (0 if s.fill_at == AT_CLOSE and kind == MARKET else 1)
    o.triggered = -1
    o.ended = -1
    o.expire = expire
    o.parent = 0
    o.partner = 0
    o.group = 0
    o.tag = tag
    o.quantity = quantity
    o.filled = 0.0
    o.target = np.nan
    o.limit_price = np.nan
    o.stop_price = np.nan
    o.distance = np.nan
    o.distance_frac = np.nan
    o.filled_value = 0.0
    o.commission_base = 0.0
    o.commission = 0.0
    o.scale = np.nan
    o.stamp = -1
    return i


@inner_jit
def enlist(s, i):
    """Put a new order among the live ones."""
    o = s.orders[i]
    if s.n_active == s.active.shape[0]:
        grow(s, _ACTIVE)
        if s.n_active == s.active.shape[0]:
            s.n_active += give_up(s)
    s.active[s.n_active] = o.id
    s.n_active += 1
    s.open_counts[o.asset] += 1
    if o.status == PENDING:
        note_pending(s, o.id)
    if o.tif == DAY or o.tif == GTD:
        s.n_dated += 1
        if o.tif == GTD:
            s.next_expire = min(s.next_expire, o.expire)
    elif o.tif == IOC or o.tif == FOK:
        s.n_immediate += 1
    if o.role >= STOP_LOSS:
        s.protective_counts[o.asset] += 1
        if o.role == TRAILING:
            s.n_trailing += 1
    elif o.kind == MARKET:
        s.replaceable_counts[o.asset] += 1
    if o.kind == MARKET:
        s.n_market += 1


@inner_jit
def note_pending(s, order_id):
    """Count one more pending order."""
    s.n_pending += 1
    s.first_pending = min(s.first_pending, order_id)


@inner_jit
def reject(s, t, i, reason):
    """End a new order that was never live."""
    o = s.orders[i]
    o.status = REJECTED
    o.reason = reason
    o.eligible = -1
    o.ended = t
    note_reject(s, i)


@inner_jit
def note_reject(s, i):
    """Remember a refusal for on_reject."""
    if s.hooks_rejects:
        if s.n_rejects == s.rejects.shape[0]:
            grow(s, _REJECTS)
            if s.n_rejects == s.rejects.shape[0]:
                s.n_rejects += give_up(s)
        s.rejects[s.n_rejects] = i
        s.n_rejects += 1


@inner_jit
def is_live(o):
    return o.status < FILLED


@inner_jit
def is_child(o):
    return o.role == STOP_LOSS or o.role == TAKE_PROFIT


@inner_jit
def fills_at_close(s, o):
    """Whether the order is matched in the close phase: a market order under `fill_at="close"`."""
    return s.fill_at == AT_CLOSE and o.kind == MARKET


@inner_jit
def end_order(s, t, i, status, reason):
    """Give a live order its final status; relations are the business of `finish`."""
    o = s.orders[i]
    a = o.asset
    s.open_counts[a] -= 1
    if s.open_counts[a] == 0:
        empty_book(s, a)
    if o.status == PENDING:
        s.n_pending -= 1
    if o.tif == DAY or o.tif == GTD:
        s.n_dated -= 1
    elif o.tif == IOC or o.tif == FOK:
        s.n_immediate -= 1
    if o.role >= STOP_LOSS:
        s.protective_counts[a] -= 1
        if o.role == TRAILING:
            s.n_trailing -= 1
    elif o.kind == MARKET:
        s.replaceable_counts[a] -= 1
    if o.kind == MARKET:
        s.n_market -= 1
    o.status = status
    o.reason = reason
    o.ended = t
    s.n_ended += 1
    if status == REJECTED:
        note_reject(s, i)


@inner_jit
def empty_book(s, a):
    """Forget the entries of an asset that has no live order: all of them are stale."""
    s.n_booked -= s.book_count[2 * a] + s.book_count[2 * a + 1]
    s.book_count[2 * a] = 0
    s.book_count[2 * a + 1] = 0
    s.bound_down[a] = -np.inf
    s.bound_up[a] = np.inf


@inner_jit
def finish(s, t, i, status, reason):
    """End a live order, and with it what depends on it: the sleeping children of a parent, the rest of a parent."""
    o = s.orders[i]
    end_order(s, t, i, status, reason)
    if o.parent == 0:
        return
    if o.parent == o.id:
        if o.filled == 0.0:
            for child in range(o.id + 1, o.id + 3):
                j = row_of(s, child)
                if is_live(s.orders[j]):
                    end_order(s, t, j, CANCELLED, PARENT_ENDED)
        return
    j = row_of(s, o.parent)
    parent = s.orders[j]
    other = s.orders[row_of(s, o.partner)]
    if not is_live(parent) or is_live(other):
        return
    if leg_is_done(o) or leg_is_done(other):
        end_order(s, t, j, CANCELLED, LEGS_ENDED)


@inner_jit
def leg_is_done(o):
    """Whether a leg has filled, in part at least, or has gone with the position."""
    return o.filled != 0.0 or o.reason == NOTHING_TO_REDUCE


@inner_jit
def sweep(s):
    """Take ended orders out of the active list, and out of the hand, which is never longer."""
    kept = 0
    for n in range(s.n_hand):
        order_id = s.hand[n]
        if is_live(s.orders[row_of(s, order_id)]):
            s.hand[kept] = order_id
            kept += 1
    s.n_hand = kept
    kept = 0
    for n in range(s.n_active):
        order_id = s.active[n]
        if is_live(s.orders[row_of(s, order_id)]):
            s.active[kept] = order_id
            kept += 1
    s.n_active = kept
    s.n_ended = 0


@inner_jit
def cancel_everything(s, t, reason):
    """Cancel every live order of the account; a liquidation leaves the orders of a drawdown stop, which only reduce."""
    for n in range(s.n_active):
        i = row_of(s, s.active[n])
        if is_live(s.orders[i]) and not (reason == LIQUIDATION and s.orders[i].role == DRAWDOWN_STOP):
            finish(s, t, i, CANCELLED, reason)


@inner_jit
def refuse(s, t, i, reason):
    """End an order the market refused: rejected if nothing was filled before, else cancelled."""
    finish(s, t, i, REJECTED if s.orders[i].filled == 0.0 else CANCELLED, reason)
