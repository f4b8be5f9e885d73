"""Which orders the prices of a bar reach, and at which reference price (rules 7, 8, 17 and 18).

Each function answers with a code and a price: NOT_REACHED, TAKER (a market order, a stop, a limit the market has
passed), RESTING (a limit at its own price) or TRIGGERED (a stop-limit whose limit does not allow the stop price).
"""

import numpy as np

from backtester.kernel.arithmetic import DUST
from backtester.kernel.codes import LimitFill, SameBar
from backtester.kernel.constants import (
    LIMIT,
    MARKET,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
)
from backtester.kernel.jit import inner_jit

NOT_REACHED = 0
TAKER = 1
RESTING = 2
TRIGGERED = 3

_TOUCH = int(LimitFill.TOUCH)
_STOP_FIRST = int(SameBar.STOP_FIRST)
_TARGET_FIRST = int(SameBar.TARGET_FIRST)
_OHLC = int(SameBar.OHLC)
_OLHC = int(SameBar.OLHC)


@inner_jit
def is_tradable(s, t, a):
    """Whether asset `a` has a bar and volume at t; unknown volume counts as volume."""
    price = s.close[t, a]
    return price == price and s.volume[t, a] != 0.0


@inner_jit
def is_market_now(o, t):
    """A market order, or a stop or trailing stop that was triggered in an earlier bar."""
    if o.kind == MARKET:
        return True
    return (o.kind == STOP or o.kind == TRAILING_STOP) and o.triggered >= 0 and o.triggered < t


@inner_jit
def is_limit_now(o, t):
    """A limit order, or a stop-limit that was triggered in an earlier bar."""
    return o.kind == LIMIT or (o.kind == STOP_LIMIT and o.triggered >= 0 and o.triggered < t)


@inner_jit
def is_stop_now(o):
    """A stop that has not been triggered."""
    return (o.kind == STOP or o.kind == TRAILING_STOP or o.kind == STOP_LIMIT) and o.triggered < 0


@inner_jit
def allows(s, limit, buys, price):
    """Whether a limit allows a price: at or inside it with "touch", strictly inside with "through"."""
    if s.limit_fill == _TOUCH:
        return price <= limit if buys else price >= limit
    return price < limit if buys else price > limit


@inner_jit
def at_open(s, t, i):
    """What the open of bar t does to an order."""
    o = s.orders[i]
    price = s.open[t, o.asset]
    if is_market_now(o, t):
        return TAKER, price
    buys = o.quantity > 0.0
    if is_limit_now(o, t):
        if allows(s, o.limit_price, buys, price):
            return TAKER, price
        return NOT_REACHED, np.nan
    if is_stop_now(o) and (price >= o.stop_price if buys else price <= o.stop_price):
        if o.kind == STOP_LIMIT and not allows(s, o.limit_price, buys, price):
            return TRIGGERED, price
        return TAKER, price
    return NOT_REACHED, np.nan


@inner_jit
def in_bar(s, t, i):
    """What high and low of bar t do to an order that its open did not decide."""
    o = s.orders[i]
    a = o.asset
    buys = o.quantity > 0.0
    if is_limit_now(o, t):
        limit = o.limit_price
        if allows(s, limit, buys, s.open[t, a]) or not allows(s, limit, buys, s.low[t, a] if buys else s.high[t, a]):
            return NOT_REACHED, np.nan
        return RESTING, limit
    if is_stop_now(o):
        return stop_reached(s, o, s.low[t, a], s.high[t, a])
    return NOT_REACHED, np.nan


@inner_jit
def stop_reached(s, o, lowest, highest):
    """Whether a range of prices reaches an untriggered stop, and what then happens at the stop price."""
    stop = o.stop_price
    buys = o.quantity > 0.0
    if (highest < stop) if buys else (lowest > stop):
        return NOT_REACHED, np.nan
    if o.kind == STOP_LIMIT and not allows(s, o.limit_price, buys, stop):
        return TRIGGERED, stop
    return TAKER, stop


@inner_jit
def after_entry(s, t, i, entry, up):
    """What is left of bar t does to an order that a fill at `entry`, inside the bar, activated (rule 17).

    `up` tells whether the entry was reached on the way up. The third value is 1 where `entry` itself decides.
    """
    o = s.orders[i]
    a = o.asset
    buys = o.quantity > 0.0
    is_limit = o.kind == LIMIT
    if is_limit:
        if allows(s, o.limit_price, buys, entry):
            return TAKER, entry, 1
    elif entry >= o.stop_price if buys else entry <= o.stop_price:
        return TAKER, entry, 1
    lowest, highest = rest_of_path(s, t, a, entry, up)
    if is_limit:
        if s.same_bar == _OHLC or s.same_bar == _OLHC:
            reached = allows(s, o.limit_price, buys, lowest if buys else highest)
        else:
            reached = allows(s, o.limit_price, buys, s.close[t, a])
        if reached:
            return RESTING, o.limit_price, 0
        return NOT_REACHED, np.nan, 0
    code, price = stop_reached(s, o, lowest, highest)
    return code, price, 0


@inner_jit
def rest_of_path(s, t, a, entry, up):
    """Return the lowest and highest price after an entry: the whole bar, or what its assumed path leaves."""
    low = s.low[t, a]
    high = s.high[t, a]
    close = s.close[t, a]
    if s.same_bar == _OHLC and not up:
        return low, max(entry, close)
    if s.same_bar == _OLHC and up:
        return min(entry, close), high
    return low, high


@inner_jit
def rises(o):
    """Whether an order is reached from below: buy stops and sell limits."""
    return (o.quantity > 0.0) == is_stop_now(o)


@inner_jit
def first_leg_wins(s, t, first, price, other, other_price, direction):
    """Whether the first of two reached legs fills, by `same_bar` (rule 18); the first has the lower id.

    `direction` is +1 or -1 where an entry inside the bar fixes which way the path goes next, else 0.
    """
    is_stop = is_stop_now(first)
    if is_stop == is_stop_now(other):
        return True
    rule = s.same_bar
    if rule == _STOP_FIRST or rule == _TARGET_FIRST:
        return is_stop == (rule == _STOP_FIRST)
    if rule == _OHLC or rule == _OLHC:
        rising = rises(first)
        if rising != rises(other):
            starts_up = rule == _OHLC if direction == 0 else direction > 0
            return rising == starts_up
        if price == other_price:
            return is_stop
        return (price < other_price) == rising
    start = s.open[t, first.asset]
    nearer = abs(other_price - start) - abs(price - start)
    if abs(nearer) <= DUST * abs(start):  # legs placed by the same fraction are a tie, whatever rounding made of them
        return is_stop
    return nearer > 0.0
