"""What happens to an asset before the open of a bar: split, dividend, funding, delisting (rules 28 to 31)."""

import numpy as np
from numba import int64

from backtester.kernel.activation import end_protective
from backtester.kernel.arithmetic import DUST, truncate_lot
from backtester.kernel.book import lift
from backtester.kernel.changes import cancel_asset, new_change
from backtester.kernel.codes import Table
from backtester.kernel.constants import (
    CANCELLED,
    CASH_IN_LIEU,
    DELISTED,
    DELISTING_ACTION,
    DIVIDEND,
    DONE,
    FUNDING,
    LIMIT,
    MODIFY,
    PAID_OUT,
    PAYS_LAST_MARK,
    PAYS_NOTHING,
    PENDING,
    QUEUED,
    SPLIT,
    SPLIT_ACTION,
    SPLIT_CHANGE,
    STOP_LIMIT,
    TARGET,
)
from backtester.kernel.jit import inner_jit, rare_cfunc
from backtester.kernel.layout import STATE
from backtester.kernel.ledger import pay
from backtester.kernel.orders import finish, is_child, is_live, row_of, sweep
from backtester.kernel.room import give_up, grow
from backtester.kernel.struct import as_struct

_ACTIONS = int(Table.ACTIONS)


@inner_jit
def event_at(column, t, a):
    """Return a value of a column of events, NaN where there is no column."""
    return column[t, a] if column.shape[0] > 0 else np.nan


@inner_jit
def happens(value):
    """Whether a dividend or a rate is there, and not zero."""
    return value == value and value != 0.0


@inner_jit
def act(s, t):
    """Carry out the events of row t, asset by asset."""
    for a in range(s.n_assets):
        split = event_at(s.event_split, t, a)
        if split == split and split != 1.0:
            apply_split(s, t, a, split)
        dividend = event_at(s.event_dividend, t, a)
        if happens(dividend):
            pay_dividend(s, t, a, dividend)
        rate = event_at(s.event_funding, t, a)
        if happens(rate) and s.positions[a] != 0.0:
            pay(s, t, a, FUNDING, -(s.positions[a] * s.multipliers[a] * s.marks[a] * rate))
        final_price = event_at(s.event_delisting, t, a)
        if final_price == final_price:
            delist(s, t, a, final_price)


@inner_jit
def pay_dividend(s, t, a, dividend):
    """Pay a dividend on the position, and take it off the adjusted closes before bar t."""
    x = s.positions[a]
    if x != 0.0:
        pay(s, t, a, DIVIDEND, x * s.multipliers[a] * dividend)
    if dividend < s.marks[a]:
        scale_history(s, t, a, 1.0 - dividend / s.marks[a])


@inner_jit
def scale_history(s, t, a, factor):
    """Bring the adjusted closes before bar t to its units."""
    for i in range(min(t, s.adjusted.shape[0])):
        s.adjusted[i, a] *= factor


@inner_jit
def apply_split(s, t, a, ratio):
    """Turn each unit of asset `a` into `ratio` units: position, orders, queued changes and marks (rule 29)."""
    before = s.positions[a]
    s.marks[a] /= ratio
    scale_history(s, t, a, 1.0 / ratio)
    after = before
    if before != 0.0:
        whole = before * ratio
        after = truncate_lot(whole, s.lot_size[a])
        fraction = whole - after
        s.positions[a] = after
        s.entry_prices[a] = s.entry_prices[a] / ratio if after != 0.0 else np.nan
        note_action(s, t, a, SPLIT_ACTION, ratio, before, after)
        if abs(fraction) > DUST * abs(whole):
            pay(s, t, a, CASH_IN_LIEU, fraction * s.multipliers[a] * s.marks[a])
    for n in range(s.next_change, s.n_changes):
        c = s.changes[n]
        if c.outcome == QUEUED and c.kind == MODIFY:
            o = s.orders[row_of(s, c.order_id)]
            if o.asset == a and is_live(o):
                c.price /= ratio
                c.quantity *= ratio
    for n in range(s.n_active):
        i = row_of(s, s.active[n])
        if s.orders[i].asset == a and is_live(s.orders[i]):
            split_order(s, t, i, ratio, before, after)
    if s.protective_counts[a] > 0 and before != 0.0 and after == 0.0:
        end_protective(s, t, a)


@inner_jit
def split_order(s, t, i, ratio, before, after):
    """Bring one live order to the units after a split; `before` and `after` are the position."""
    o = s.orders[i]
    closes = o.quantity - o.filled == -before
    lift(s, i)
    row = new_change(s)  # may move the table
    c = s.changes[row]
    rests = o.kind == LIMIT or (o.kind == STOP_LIMIT and o.triggered >= 0)
    c.bar = t
    c.acts = t
    c.kind = SPLIT_CHANGE
    c.order_id = o.id
    c.other = o.asset
    c.outcome = DONE
    c.old_price = o.limit_price if rests else o.stop_price
    c.old_quantity = o.quantity
    o.filled *= ratio
    o.quantity *= ratio
    o.target *= ratio
    o.limit_price /= ratio
    o.stop_price /= ratio
    o.distance /= ratio
    has_own = not is_child(o) and not (o.role == TARGET and o.status == PENDING)  # a quantity of its own, to be rounded
    if has_own:
        if closes:
            o.quantity = o.filled - after
        else:
            o.quantity = truncate_lot(o.quantity, s.lot_size[o.asset])
    c.price = o.limit_price if rests else o.stop_price
    c.quantity = o.quantity
    if has_own and abs(o.quantity) <= abs(o.filled) * (1.0 + DUST):
        finish(s, t, i, CANCELLED, SPLIT)


@inner_jit
def delist(s, t, a, final_price):
    """End an asset: its orders go, its holders are paid out (rule 31)."""
    cancel_asset(s, t, a, s.n_orders, DELISTED)
    s.delisted[a] = 1
    price = final_price
    if s.delisting == PAYS_LAST_MARK:
        price = s.marks[a]
    elif s.delisting == PAYS_NOTHING:
        price = 0.0
    x = s.positions[a]
    if x == 0.0:
        return
    s.positions[a] = 0.0
    s.entry_prices[a] = np.nan
    note_action(s, t, a, DELISTING_ACTION, price, x, 0.0)
    pay(s, t, a, PAID_OUT, x * s.multipliers[a] * price)


@inner_jit
def note_action(s, t, a, kind, value, before, after):
    """Append a row that says how a position changed without a fill."""
    if s.n_actions == s.actions.shape[0]:
        grow(s, _ACTIONS)
        if s.n_actions == s.actions.shape[0]:
            s.n_actions += give_up(s)
    row = s.actions[s.n_actions]
    s.n_actions += 1
    row.bar = t
    row.asset = a
    row.kind = kind
    row.value = value
    row.before = before
    row.after = after
    row.mark = s.marks[a]
    row.fx = s.rates[s.currencies[a]]


@rare_cfunc(int64(int64, int64))
def fn_events(address, t):
    """Carry out what happens before the open of bar t."""
    s = as_struct(address, STATE)
    act(s, t)
    if 2 * s.n_ended > s.n_active:
        sweep(s)
    return 0
