"""Cancels, modifies, `oco` pairs, transfers: asked for in `on_bar`, carried out at the start of a later bar (rule 2).

Every request is a row of the change table, which keeps what became of it.
"""

import numpy as np

from backtester.kernel.arithmetic import DUST, one_nan
from backtester.kernel.book import lift
from backtester.kernel.codes import Table
from backtester.kernel.constants import (
    CANCEL,
    CANCEL_ALL,
    CANCELLED,
    CANCELLED_BY_USER,
    CLOSE_POSITION,
    CONVERT,
    DEPOSIT,
    DONE,
    LARGEST_QUANTITY,
    LIMIT,
    MARKET,
    MODIFY,
    NEW_PRICE_INVALID,
    NEW_QUANTITY_INVALID,
    NOTHING_TO_CHANGE,
    OCO,
    OCO_ALREADY_PAIRED,
    ORDER_ENDED,
    ORDER_UNKNOWN,
    PRICE_NOT_MODIFIABLE,
    QUANTITY_ON_CHILD,
    QUEUED,
    REDUCED_BY_MODIFY,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
)
from backtester.kernel.jit import inner_jit
from backtester.kernel.orders import (
    finish,
    is_child,
    is_live,
    row_of,
)
from backtester.kernel.room import give_up, grow
from backtester.kernel.submission import (
    lot_quantity,
    price_is_valid,
)
from backtester.kernel.transfers import convert, refusal_of_transfer, transfer

_CHANGES = int(Table.CHANGES)


@inner_jit
def order_state(s, order_id):
    """Return DONE for a live order, else why it cannot be changed."""
    if order_id < 1 or order_id > s.n_orders:
        return ORDER_UNKNOWN
    o = s.orders[row_of(s, order_id)]
    if o.id != order_id or not is_live(o):
        return ORDER_ENDED
    return DONE


@inner_jit
def worse_of(first, second):
    """Return what is wrong with a pair: an unknown order before an ended one."""
    if first == ORDER_UNKNOWN or second == ORDER_UNKNOWN:
        return ORDER_UNKNOWN
    return second if first == DONE else first


@inner_jit
def new_change(s):
    """Append an empty row to the change table and return it."""
    if s.n_changes == s.changes.shape[0]:
        grow(s, _CHANGES)
        if s.n_changes == s.changes.shape[0]:
            s.n_changes += give_up(s)
    s.n_changes += 1
    return s.n_changes - 1


@inner_jit
def request_change(s, kind, order_id, other, price, quantity):
    """Queue a change (rule 2); return 1 where it can be done as far as is known, else 0."""
    outcome = DONE
    if kind == CANCEL_ALL:
        if other < 0 or other >= s.n_assets:
            outcome = ORDER_UNKNOWN
        elif s.open_counts[other] == 0:
            outcome = ORDER_ENDED
        order_id = s.n_orders
    elif kind == DEPOSIT or kind == CONVERT:
        outcome = refusal_of_transfer(s, quantity, order_id, other, kind == CONVERT)
    else:
        outcome = order_state(s, order_id)
        if kind == OCO:
            outcome = worse_of(outcome, order_state(s, other))
    row = new_change(s)  # may move the table
    c = s.changes[row]
    c.bar = s.t
    c.acts = s.t + s.latency + 1 if outcome == DONE else -1
    c.kind = kind
    c.order_id = order_id
    c.other = other
    c.outcome = QUEUED if outcome == DONE else outcome
    c.price = one_nan(price)
    c.quantity = one_nan(quantity)
    c.old_price = np.nan
    c.old_quantity = np.nan
    return 1 if outcome == DONE else 0


@inner_jit
def apply_changes(s, t):
    """Carry out the changes whose time has come, in call order."""
    while s.next_change < s.n_changes:
        n = s.next_change
        c = s.changes[n]
        if c.outcome == QUEUED and c.acts > t:
            return
        s.next_change += 1
        if c.outcome != QUEUED:
            continue
        if c.kind == CANCEL:
            c.outcome = order_state(s, c.order_id)
            if c.outcome == DONE:
                finish(s, t, row_of(s, c.order_id), CANCELLED, CANCELLED_BY_USER)
        elif c.kind == CANCEL_ALL:
            c.outcome = cancel_asset(
                s, t, c.other, c.order_id, CLOSE_POSITION if c.quantity == 1.0 else CANCELLED_BY_USER
            )
        elif c.kind == MODIFY:
            modify(s, t, n)
        elif c.kind == DEPOSIT:
            c.outcome = transfer(s, t, c.quantity)
        elif c.kind == CONVERT:
            c.outcome = convert(s, t, c.quantity, c.order_id, c.other)
        else:
            c.outcome = pair(s, c.order_id, c.other)


@inner_jit
def cancel_asset(s, t, asset, last_id, reason):
    """Cancel the live orders of an asset up to an id."""
    outcome = ORDER_ENDED
    for n in range(s.n_active):
        i = row_of(s, s.active[n])
        o = s.orders[i]
        if o.asset == asset and o.id <= last_id and is_live(o):
            finish(s, t, i, CANCELLED, reason)
            outcome = DONE
    return outcome


@inner_jit
def pair(s, first, second):
    """Make two live orders cancel each other (rule 16, `oco`)."""
    outcome = order_state(s, first)
    if outcome == DONE:
        outcome = order_state(s, second)
    if outcome != DONE:
        return outcome
    if first == second:
        return NOTHING_TO_CHANGE
    a = s.orders[row_of(s, first)]
    b = s.orders[row_of(s, second)]
    if a.partner != 0 or b.partner != 0 or is_child(a) or is_child(b):
        return OCO_ALREADY_PAIRED
    a.partner = second
    b.partner = first
    return DONE


@inner_jit
def modify(s, t, n):
    """Carry out a modify: all of it, or nothing with the outcome saying why."""
    c = s.changes[n]
    c.outcome = order_state(s, c.order_id)
    if c.outcome != DONE:
        return
    i = row_of(s, c.order_id)
    o = s.orders[i]
    new_price = not np.isnan(c.price)
    new_quantity = not np.isnan(c.quantity)
    if not new_price and not new_quantity:
        c.outcome = NOTHING_TO_CHANGE
        return
    moves_limit = o.kind == LIMIT or (o.kind == STOP_LIMIT and o.triggered >= 0)
    if new_price:
        if o.kind == MARKET or o.kind == TRAILING_STOP or (o.kind == STOP and o.triggered >= 0):
            c.outcome = PRICE_NOT_MODIFIABLE
            return
        if not price_is_valid(s, c.price):
            c.outcome = NEW_PRICE_INVALID
            return
    quantity = o.quantity
    if new_quantity:
        if is_child(o):
            c.outcome = QUANTITY_ON_CHILD
            return
        quantity = lot_quantity(s, o.asset, c.quantity)
        wrong_sign = not np.isfinite(quantity) or quantity * o.quantity <= 0.0  # a target not yet fixed has none
        if wrong_sign or abs(quantity) > LARGEST_QUANTITY or abs(quantity) < abs(o.filled):
            c.outcome = NEW_QUANTITY_INVALID
            return
    if new_price:
        lift(s, i)
        if moves_limit:
            c.old_price = o.limit_price
            o.limit_price = c.price
        else:
            c.old_price = o.stop_price
            o.stop_price = c.price
        o.distance_frac = np.nan if is_child(o) else o.distance_frac
    if new_quantity:
        c.old_quantity = o.quantity
        o.quantity = quantity
        if abs(quantity) <= abs(o.filled) * (1.0 + DUST):
            finish(s, t, i, CANCELLED, REDUCED_BY_MODIFY)
