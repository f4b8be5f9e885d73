"""What an order that was reached gets: its own limits, the volume, the account, and one factor per rebalance.

`attempt` is the only way to a fill in the market (forced closes are in `margin`). Rules 3 and 11 to 13.
"""

import numpy as np
from numba import float64, int64

from backtester.kernel.activation import after_fill
from backtester.kernel.arithmetic import DUST, floor_lot
from backtester.kernel.constants import (
    CANCELLED,
    CLOSE,
    EXPIRED,
    EXPOSURE_LIMIT,
    FILLED,
    FOK,
    FOK_NOT_FILLED,
    INSUFFICIENT_EQUITY,
    NO_REASON,
    NOTHING_TO_REDUCE,
    REJECT_ON_SHORTFALL,
    SCALED_TO_EQUITY,
    SHORT_NOT_ALLOWED,
    STOP_LOSS,
    WORKING,
)
from backtester.kernel.jit import inner_jit, kernel_cfunc
from backtester.kernel.layout import STATE
from backtester.kernel.ledger import account_at, affordable, commission_rate, fill_price, post_fill, value_phase
from backtester.kernel.orders import (
    finish,
    refuse,
    row_of,
)
from backtester.kernel.reach import is_tradable
from backtester.kernel.struct import as_struct


@inner_jit
def requested(s, t, i):
    """Return what an order asks for now, after reduce-only, `allow_short` and participation, and a code.

    Codes: NO_REASON, a Reason that ends the order, or -1 where participation alone limits it.
    """
    o = s.orders[i]
    a = o.asset
    x = s.positions[a]
    quantity = o.quantity - o.filled
    code = NO_REASON
    if o.role >= STOP_LOSS:
        if x * quantity >= 0.0:
            return 0.0, NOTHING_TO_REDUCE
        if abs(quantity) > abs(x):
            quantity = -x
    elif s.allow_short == 0 and quantity < 0.0:
        if x <= 0.0:
            return 0.0, SHORT_NOT_ALLOWED
        if -quantity > x * (1.0 + DUST):
            quantity = -x
            code = SHORT_NOT_ALLOWED
    volume = s.volume[t, a]
    if s.max_participation < np.inf and volume == volume:
        most = floor_lot(s.max_participation * volume, s.lot_size[a])
        left = most - (s.used_volume[a] if s.used_bar[a] == t else 0.0)
        if left <= most * DUST:
            left = 0.0
        if abs(quantity) > left:
            quantity = left if quantity > 0.0 else -left
            code = -1
    return quantity, code


@inner_jit
def split(x, quantity):
    """Split a quantity into what closes the position x and what opens a new one, both as sizes."""
    size = abs(quantity)
    if x * quantity >= 0.0:
        return 0.0, size
    if size <= abs(x) * (1.0 + DUST):
        return size, 0.0
    return abs(x), size - abs(x)


@inner_jit
def attempt(s, t, i, reference, taker, phase, climbs):
    """Give an order that was reached what the market, its limits and the account allow."""
    o = s.orders[i]
    a = o.asset
    whole = o.quantity - o.filled
    quantity, code = requested(s, t, i)
    if code == NOTHING_TO_REDUCE:
        finish(s, t, i, CANCELLED, NOTHING_TO_REDUCE)
        return
    if o.tif == FOK and abs(quantity) < abs(whole) * (1.0 - DUST):
        finish(s, t, i, EXPIRED, FOK_NOT_FILLED)
        return
    if quantity == 0.0:
        if code == SHORT_NOT_ALLOWED:
            refuse(s, t, i, SHORT_NOT_ALLOWED)
        return
    x = s.positions[a]
    price = reference
    if taker:
        price = fill_price(s, t, a, quantity, reference, o.limit_price)
    rate = commission_rate(s, a, price, quantity)
    closing, opening = split(x, quantity)
    reason = code if code > 0 else NO_REASON
    if opening > 0.0:
        value_phase(s, t, phase == CLOSE)
        asked = opening
        scaled = False
        if o.group != 0:
            factor = group_factor(s, t, i, phase)
            if factor < 1.0 and o.tif == FOK:
                finish(s, t, i, EXPIRED, FOK_NOT_FILLED)
                return
            if factor < 1.0:
                scaled = True
                reason = SCALED_TO_EQUITY
                opening = floor_lot(opening * factor, s.lot_size[a])
        most, limited = affordable(s, i, a, reference, price, rate, closing, opening)
        if opening > most * (1.0 + 1e-9):
            if o.tif == FOK:
                finish(s, t, i, EXPIRED, FOK_NOT_FILLED)
                return
            if not scaled:
                reason = EXPOSURE_LIMIT if limited else INSUFFICIENT_EQUITY
            opening = most if scaled or s.on_shortfall != REJECT_ON_SHORTFALL else 0.0
        if opening < asked * 1e-9:
            opening = 0.0
        if closing + opening == 0.0:
            refuse(s, t, i, reason)
            return
    done = closing + opening if quantity > 0.0 else -(closing + opening)
    if s.commission_fn[a] != 0 and done != quantity:
        rate = commission_rate(s, a, price, done)
    if s.max_participation < np.inf:
        if s.used_bar[a] != t:
            s.used_bar[a] = t
            s.used_volume[a] = 0.0
        s.used_volume[a] += abs(done)
    post_fill(s, t, i, done, quantity, reference, price, rate, 1 if taker else 0, phase)
    if abs(o.quantity - o.filled) <= DUST * abs(o.quantity):
        if o.parent == 0 or o.parent == o.id:
            finish(s, t, i, FILLED, NO_REASON)
    elif reason != NO_REASON:
        finish(s, t, i, FILLED, reason)
    after_fill(s, t, i, x, price, reference, climbs, phase)


@inner_jit
def group_factor(s, t, i, phase):
    """Return the factor that scales all increases of a rebalance so that they fit together (rule 3).

    It is made once per phase, at the first non-reducing order of the group, over all its orders still working there.
    """
    stamp = 4 * t + phase
    group = s.orders[i].group
    if s.orders[i].stamp == stamp:
        if s.factor_stamp == stamp and s.factor_group == group:
            s.orders[i].scale = s.factor
        return s.orders[i].scale
    equity, gross, margin = account_at(s, s.orders[i].asset, s.phase_marks[s.orders[i].asset])
    room = s.leverage * equity - margin
    need = 0.0
    gross_room = s.max_gross * equity - gross
    gross_need = 0.0
    for k in range(s.n_active):
        j = row_of(s, s.active[k])
        o = s.orders[j]
        a = o.asset
        if o.group != group or o.status != WORKING or not is_tradable(s, t, a):
            continue
        quantity = requested(s, t, j)[0]
        if quantity == 0.0:
            continue
        closing, opening = split(s.positions[a], quantity)
        m = s.multipliers[a]
        reference = s.phase_marks[a]
        price = fill_price(s, t, a, quantity, reference, np.nan)
        rate = commission_rate(s, a, price, quantity)
        unit = (abs(price - reference) + rate) * m + s.commission_per_unit[a]
        fixed = max(s.commission_min[a], s.commission_per_order[a]) if o.filled == 0.0 else 0.0
        worth = abs(reference) * m
        weight = s.margins[a]
        room += closing * worth * weight - s.leverage * (fixed + unit * closing)
        need += opening * (worth * weight + s.leverage * unit)
        if s.max_gross < np.inf:
            gross_room += closing * worth - s.max_gross * (fixed + unit * closing)
            gross_need += opening * (worth + s.max_gross * unit)
        o.stamp = stamp
    factor = 1.0
    if need > 0.0 and room * (1.0 + 1e-9) < need:
        factor = max(room / need, 0.0)
    if gross_need > 0.0 and gross_room * (1.0 + 1e-9) < gross_need:
        factor = min(factor, max(gross_room / gross_need, 0.0))
    if s.factor_stamp != stamp:
        s.factor_stamp = stamp
        s.factor_group = group
        s.factor = factor
        s.orders[i].scale = factor
        return factor
    for k in range(s.n_active):  # a second rebalance in one phase: each order keeps its own
        j = row_of(s, s.active[k])
        if s.orders[j].group == group and s.orders[j].stamp == stamp:
            s.orders[j].scale = factor
    return factor


@kernel_cfunc(int64(int64, int64, int64, float64, int64, int64, int64))
def fn_attempt(address, t, i, reference, taker, phase, climbs):
    """`attempt`, called by address: matching reaches it from several depths, and compiles without it."""
    attempt(as_struct(address, STATE), t, i, reference, taker != 0, phase, climbs != 0)
    return 0
