"""What wakes an order: its time has come, its parent filled, or there is now a position to protect.

Also what a fill does to the orders around it: children follow their parent, one leg shrinks or cancels the other,
and protective orders with nothing left to reduce go (rules 8, 10 and 16).
"""

import numpy as np

from backtester.kernel.arithmetic import DUST
from backtester.kernel.book import hold
from backtester.kernel.constants import (
    CANCELLED,
    CLOSE,
    DORMANT,
    EXPIRED,
    FILLED,
    GTD,
    GTD_ENDED,
    INTRABAR,
    MARKET,
    NEVER,
    NO_REASON,
    NOTHING_TO_REDUCE,
    OTHER_LEG_FILLED,
    PENDING,
    REPLACED_BY_TARGET,
    SCALE_OUT,
    SLEEPING,
    STOP_LOSS,
    TARGET,
    TARGET_REACHED,
    TRAILING,
    WORKING,
)
from backtester.kernel.jit import inner_jit
from backtester.kernel.orders import (
    end_order,
    fills_at_close,
    finish,
    is_child,
    is_live,
    note_pending,
    row_of,
)


@inner_jit
def activate(s, t, closing):
    """Make the orders whose time has come eligible, in id order; `closing`: those of the close phase."""
    left = NEVER
    n = place_of(s, s.first_pending)
    while n < s.n_active and s.n_pending > 0:
        i = row_of(s, s.active[n])
        o = s.orders[i]
        n += 1
        if o.status != PENDING:
            continue
        if o.eligible > t or fills_at_close(s, o) != closing:
            left = min(left, o.id)
            continue
        s.n_pending -= 1
        o.status = WORKING
        if o.tif == GTD and o.expire < s.timestamp:
            finish(s, t, i, EXPIRED, GTD_ENDED)
        elif o.role == TARGET:
            fix_target(s, t, i)
        elif o.role == TRAILING:
            start_trailing(s, i, s.marks[o.asset])
        elif o.role == SCALE_OUT and s.positions[o.asset] * o.quantity >= 0.0:
            finish(s, t, i, CANCELLED, NOTHING_TO_REDUCE)
        if o.status == WORKING:
            hold(s, i)
    s.first_pending = left


@inner_jit
def place_of(s, order_id):
    """Return the place of the first live order with this id or a higher one."""
    low = 0
    high = s.n_active
    while low < high:
        middle = (low + high) >> 1
        if s.active[middle] < order_id:
            low = middle + 1
        else:
            high = middle
    return low


@inner_jit
def fix_target(s, t, i):
    """Replace older market and target orders of the asset, and fix the quantity of a target order (rule 10)."""
    o = s.orders[i]
    a = o.asset
    if s.replaceable_counts[a] > 1:
        for n in range(s.n_active):
            order_id = s.active[n]
            if order_id >= o.id:
                break
            j = row_of(s, order_id)
            other = s.orders[j]
            if other.asset == a and other.kind == MARKET and is_live(other):
                finish(s, t, j, CANCELLED, REPLACED_BY_TARGET)
    x = s.positions[a]
    quantity = o.target - x
    if abs(quantity) <= DUST * max(abs(o.target), abs(x)):
        quantity = 0.0
    o.quantity = quantity
    if quantity == 0.0:
        finish(s, t, i, CANCELLED, TARGET_REACHED)


@inner_jit
def start_trailing(s, i, price):
    """Start the level of a trailing stop at a price if there is a position to reduce, else let it sleep (rule 8)."""
    o = s.orders[i]
    x = s.positions[o.asset]
    if x * o.quantity >= 0.0:
        o.status = SLEEPING
        return
    o.status = WORKING
    o.stop_price = trailing_level(o, price)


@inner_jit
def trailing_level(o, price):
    """Return the level of a trailing stop at a best price."""
    distance = o.distance
    if np.isnan(distance):
        distance = abs(price) * o.distance_frac
    return price - distance if o.quantity < 0.0 else price + distance


@inner_jit
def update_trailing(s, t):
    """Move trailing levels after the bar was matched: with high and low, or the close after an intrabar entry."""
    for n in range(s.n_hand):
        i = row_of(s, s.hand[n])
        o = s.orders[i]
        if o.role != TRAILING or o.status != WORKING or o.triggered >= 0:
            continue
        close = s.close[t, o.asset]
        if close != close:
            continue
        if o.stamp == t:
            level = trailing_level(o, close)
        elif o.quantity < 0.0:
            level = trailing_level(o, s.high[t, o.asset])
        else:
            level = trailing_level(o, s.low[t, o.asset])
        if o.quantity < 0.0:
            o.stop_price = max(o.stop_price, level)
        else:
            o.stop_price = min(o.stop_price, level)


@inner_jit
def wake(s, i, reference, up):
    """Queue an order that a fill activated for a further pass of this phase."""
    s.woken[s.n_woken] = s.orders[i].id
    s.woken_prices[s.n_woken] = reference
    s.woken_up[s.n_woken] = up
    s.n_woken += 1


@inner_jit
def after_fill(s, t, i, before, price, reference, up, phase):
    """Let the fill of order row `i` act on its relations; `before` is the position before it."""
    o = s.orders[i]
    a = o.asset
    x = s.positions[a]
    if o.parent == o.id:
        follow_parent(s, t, i, price, reference, up, phase)
    elif is_child(o):
        shrink_leg(s, t, i)
    elif o.partner != 0:
        shrink_partner(s, t, i)
    if o.parent == o.id and o.partner != 0:
        shrink_partner(s, t, i)
    if s.protective_counts[a] == 0:
        return
    flips = before != 0.0 and (before > 0.0) != (x > 0.0)
    if x == 0.0 or flips or (o.parent == o.id and x * o.quantity < 0.0):
        end_protective(s, t, a)
    if s.n_trailing > 0 and x != 0.0:
        wake_trailing(s, t, a, price, reference, up, phase)


@inner_jit
def follow_parent(s, t, i, price, reference, up, phase):
    """Give the children of a bracket what their parent has filled; the first fill wakes them (rules 16, 17)."""
    o = s.orders[i]
    for child in range(o.id + 1, o.id + 3):
        j = row_of(s, child)
        c = s.orders[j]
        if not is_live(c):
            continue
        if c.status != DORMANT:
            c.quantity -= s.fills[s.n_fills - 1].quantity
            continue
        c.quantity = -o.filled
        if not np.isnan(c.distance_frac):
            up_leg = (c.role == STOP_LOSS) == (c.quantity > 0.0)
            distance = abs(price) * c.distance_frac
            level = price + distance if up_leg else price - distance
            if c.role == STOP_LOSS:
                c.stop_price = level
            else:
                c.limit_price = level
        if phase >= CLOSE:
            c.status = PENDING
            c.eligible = t + 1
            note_pending(s, c.id)
        else:
            c.status = WORKING
            c.eligible = t
            hold(s, j)
            wake(s, j, reference, up)


@inner_jit
def shrink_leg(s, t, i):
    """After a fill of one leg, take as much off the other; nothing left ends both."""
    o = s.orders[i]
    j = row_of(s, o.partner)
    other = s.orders[j]
    if abs(o.quantity - o.filled) > DUST * abs(o.quantity):
        if is_live(other):
            # −(bought by the parent) is this leg's quantity and the other's fills; the parent's own row may have
            # ended before a split, and is then in other units
            other.quantity = o.quantity + other.filled - o.filled
        return
    if is_live(other):
        end_order(s, t, j, CANCELLED, OTHER_LEG_FILLED)
    if is_live(o):
        finish(s, t, i, FILLED, NO_REASON)


@inner_jit
def shrink_partner(s, t, i):
    """After a fill of one order of an `oco` pair, take as much off the other; completion cancels it."""
    o = s.orders[i]
    j = row_of(s, o.partner)
    other = s.orders[j]
    if not is_live(other):
        return
    if o.status == FILLED:
        finish(s, t, j, CANCELLED, OTHER_LEG_FILLED)
        return
    last = abs(s.fills[s.n_fills - 1].quantity)
    left = abs(other.quantity) - last
    if left <= abs(other.filled) + DUST * abs(other.quantity):
        other.quantity = other.filled
        finish(s, t, j, CANCELLED, OTHER_LEG_FILLED)
    else:
        other.quantity = left if other.quantity > 0.0 else -left


@inner_jit
def end_protective(s, t, a):
    """Cancel the awake protective orders of an asset that have nothing left to reduce."""
    x = s.positions[a]
    for n in range(s.n_active):
        i = row_of(s, s.active[n])
        o = s.orders[i]
        if o.asset != a or o.role < STOP_LOSS or not is_live(o) or x * o.quantity < 0.0:
            continue
        if o.status == WORKING or (o.status == PENDING and is_child(o)):
            finish(s, t, i, CANCELLED, NOTHING_TO_REDUCE)


@inner_jit
def wake_trailing(s, t, a, price, reference, up, phase):
    """Start the sleeping trailing stops of an asset at the price of the fill that gave them a position."""
    for n in range(s.n_active):
        i = row_of(s, s.active[n])
        o = s.orders[i]
        if o.asset != a or o.status != SLEEPING or s.positions[a] * o.quantity >= 0.0:
            continue
        start_trailing(s, i, price)
        hold(s, i)
        if phase < CLOSE:
            if phase == INTRABAR:
                o.stamp = t
            wake(s, i, reference, up)
