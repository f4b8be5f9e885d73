"""Order verbs as the kernel takes them: checked, rounded, and put among the live orders or refused with a reason.

Rules 10, 14, 15 and 16.
"""

import numpy as np

from backtester.kernel.arithmetic import DUST, one_nan, truncate_lot
from backtester.kernel.constants import (
    ASSET_UNKNOWN,
    BANKRUPT,
    CANCELLED,
    DELISTED,
    DISTANCE_INVALID,
    DORMANT,
    DRAWDOWN_LIMIT,
    EXPIRE_MISSING,
    GTD,
    LARGEST_QUANTITY,
    LEG_ABSENT,
    LIMIT,
    MARKET,
    NO_MARK,
    NO_REASON,
    ORDER_TOO_LARGE,
    PARENT_REJECTED,
    PLAIN,
    PRICE_INVALID,
    QUANTITY_BELOW_LOT,
    QUANTITY_NOT_FINITE,
    QUANTITY_TOO_LARGE,
    QUANTITY_ZERO,
    SCALE_OUT,
    STOP,
    STOP_LIMIT,
    STOP_LOSS,
    STOP_LOSS_WRONG_SIDE,
    TAKE_PROFIT,
    TAKE_PROFIT_WRONG_SIDE,
    TARGET,
    TARGET_NOT_FINITE,
    TIF_UNKNOWN,
    TRAILING_STOP,
    UNIT_PERCENT,
    UNIT_QUANTITY,
)
from backtester.kernel.jit import inner_jit
from backtester.kernel.orders import (
    enlist,
    new_order,
    reject,
)


@inner_jit
def price_is_valid(s, price):
    return np.isfinite(price) and (price > 0.0 or s.negative_prices == 1)


@inner_jit
def refusal_of_quantity(s, asset, quantity):
    """Return why an order is refused before its prices are looked at, or NO_REASON."""
    if s.bankrupt:
        return BANKRUPT
    if s.stopped:
        return DRAWDOWN_LIMIT
    if asset < 0 or asset >= s.n_assets:
        return ASSET_UNKNOWN
    if s.delisted[asset]:
        return DELISTED
    if not np.isfinite(quantity):
        return QUANTITY_NOT_FINITE
    if quantity == 0.0:
        return QUANTITY_ZERO
    if abs(quantity) > LARGEST_QUANTITY:
        return QUANTITY_TOO_LARGE
    return NO_REASON


@inner_jit
def refusal_of_size(s, asset, quantity):
    """Return why an order is too large for the account's own limit (rule 33), or NO_REASON; closing is never."""
    x = s.positions[asset]
    if s.max_order == np.inf or (x * quantity < 0.0 and abs(quantity) <= abs(x)):
        return NO_REASON
    worth = abs(quantity) * s.multipliers[asset] * abs(s.marks[asset])
    if np.isnan(worth):
        return NO_MARK
    return ORDER_TOO_LARGE if worth > s.max_order * s.equity else NO_REASON


@inner_jit
def refusal_of_tif(tif, expire):
    if tif < 0 or tif > GTD:
        return TIF_UNKNOWN
    if tif == GTD and expire <= 0:
        return EXPIRE_MISSING
    return NO_REASON


@inner_jit
def leg_is_wrong(price, fraction, entry, side):
    """Whether a leg lies on the wrong side of the entry; `side` is +1 for a leg that must lie above it."""
    if not np.isnan(price) and side * (price - entry) <= 0.0:
        return True
    if np.isnan(fraction):
        return False
    return not np.isfinite(fraction) or fraction <= 0.0 or (side < 0.0 and fraction >= 1.0)


@inner_jit
def refusal_of_prices(s, kind, quantity, limit_price, stop_price, distance, distance_frac):
    if kind == TRAILING_STOP:
        if np.isnan(distance) == np.isnan(distance_frac):
            return DISTANCE_INVALID
        if not np.isnan(distance) and not (np.isfinite(distance) and distance > 0.0):
            return DISTANCE_INVALID
        if not np.isnan(distance_frac) and leg_is_wrong(np.nan, distance_frac, np.nan, 1.0 if quantity > 0.0 else -1.0):
            return DISTANCE_INVALID
        return NO_REASON
    if (kind == LIMIT or kind == STOP_LIMIT) and not price_is_valid(s, limit_price):
        return PRICE_INVALID
    if (kind == STOP or kind == STOP_LIMIT) and not price_is_valid(s, stop_price):
        return PRICE_INVALID
    return NO_REASON


@inner_jit
def lot_quantity(s, asset, quantity):
    """Round a submitted quantity towards zero to the lot, except one that closes the position exactly."""
    if quantity == -s.positions[asset]:
        return quantity
    return truncate_lot(quantity, s.lot_size[asset])


@inner_jit
def submit(s, asset, kind, role, quantity, limit_price, stop_price, distance, distance_frac, tif, expire, tag):
    """Take an order verb; return the order id."""
    t = s.t
    quantity = one_nan(quantity)
    refusal = refusal_of_quantity(s, asset, quantity)
    if refusal == NO_REASON:
        refusal = refusal_of_prices(s, kind, quantity, limit_price, stop_price, distance, distance_frac)
    if refusal == NO_REASON:
        refusal = refusal_of_tif(tif, expire)
    if refusal == NO_REASON:
        rounded = quantity if role == SCALE_OUT else lot_quantity(s, asset, quantity)  # rungs come rounded (rule 36)
        if rounded == 0.0:
            refusal = QUANTITY_BELOW_LOT
        else:
            quantity = rounded
            refusal = NO_REASON if role >= STOP_LOSS else refusal_of_size(s, asset, quantity)
    i = new_order(s, t, asset, kind, role, tif, expire, tag, quantity)
    o = s.orders[i]
    o.limit_price = one_nan(limit_price)
    o.stop_price = one_nan(stop_price)
    o.distance = one_nan(distance)
    o.distance_frac = one_nan(distance_frac)
    if refusal != NO_REASON:
        reject(s, t, i, refusal)
    else:
        enlist(s, i)
    return s.n_orders


@inner_jit
def submit_target(s, asset, unit, amount, group, tif, expire, tag):
    """Take a target verb (rule 10); return the order id, or 0 where there is nothing to do."""
    t = s.t
    refusal = NO_REASON
    goal = np.nan
    if s.bankrupt:
        refusal = BANKRUPT
    elif s.stopped:
        refusal = DRAWDOWN_LIMIT
    elif asset < 0 or asset >= s.n_assets:
        refusal = ASSET_UNKNOWN
    elif s.delisted[asset]:
        if amount == 0.0:
            return 0
        refusal = DELISTED
    elif not np.isfinite(amount):
        refusal = TARGET_NOT_FINITE
    elif unit == UNIT_QUANTITY and abs(amount) > LARGEST_QUANTITY:
        refusal = QUANTITY_TOO_LARGE
    else:
        refusal = refusal_of_tif(tif, expire)
    if refusal == NO_REASON:
        goal = amount
        x = s.positions[asset]
        if unit != UNIT_QUANTITY:
            worth = s.marks[asset] * s.multipliers[asset]
            if not np.isfinite(worth) or worth == 0.0:
                refusal = NO_MARK
            else:
                goal = (amount * s.equity if unit == UNIT_PERCENT else amount) / worth
        if refusal == NO_REASON:
            if not (abs(goal) <= LARGEST_QUANTITY):
                refusal = QUANTITY_TOO_LARGE
            elif goal != x:
                goal = truncate_lot(goal, s.lot_size[asset])
                if abs(goal - x) <= DUST * max(abs(goal), abs(x)):
                    goal = x
        if refusal == NO_REASON and goal == x and s.replaceable_counts[asset] == 0:
            return 0
        if refusal == NO_REASON and goal != x:
            refusal = refusal_of_size(s, asset, goal - x)
    i = new_order(s, t, asset, MARKET, TARGET, tif, expire, tag, 0.0)
    o = s.orders[i]
    o.target = goal
    o.group = group
    if refusal != NO_REASON:
        reject(s, t, i, refusal)
    else:
        enlist(s, i)
    return s.n_orders


@inner_jit
def refusal_of_legs(quantity, entry, stop_loss, take_profit, stop_loss_frac, take_profit_frac):
    """Check the legs of a bracket against its entry price."""
    side = 1.0 if quantity > 0.0 else -1.0
    if leg_is_wrong(stop_loss, stop_loss_frac, entry, -side):
        return STOP_LOSS_WRONG_SIDE
    if leg_is_wrong(take_profit, take_profit_frac, entry, side):
        return TAKE_PROFIT_WRONG_SIDE
    return NO_REASON


@inner_jit
def leg_price_is_valid(s, price, fraction):
    """A leg's price, where it has one, is valid, and is not given twice."""
    if np.isnan(price):
        return True
    return np.isnan(fraction) and price_is_valid(s, price)


@inner_jit
def submit_bracket(
    s,
    asset,
    quantity,
    stop_loss,
    take_profit,
    stop_loss_frac,
    take_profit_frac,
    entry_limit,
    entry_stop,
    tif,
    expire,
    tag,
):
    """Take a bracket (rule 16): a parent and two children; return the parent's id."""
    t = s.t
    kind = MARKET
    if not np.isnan(entry_limit):
        kind = LIMIT if np.isnan(entry_stop) else STOP_LIMIT
    elif not np.isnan(entry_stop):
        kind = STOP
    refusal = refusal_of_quantity(s, asset, quantity)
    if refusal == NO_REASON:
        refusal = refusal_of_prices(s, kind, quantity, entry_limit, entry_stop, np.nan, np.nan)
    if refusal == NO_REASON:
        valid = leg_price_is_valid(s, stop_loss, stop_loss_frac)
        if not valid or not leg_price_is_valid(s, take_profit, take_profit_frac):
            refusal = PRICE_INVALID
    if refusal == NO_REASON:
        refusal = refusal_of_tif(tif, expire)
    if refusal == NO_REASON:
        entry = s.marks[asset]
        if kind == LIMIT or kind == STOP_LIMIT:
            entry = entry_limit
        elif kind == STOP:
            entry = entry_stop
        rounded = lot_quantity(s, asset, quantity)
        if np.isnan(entry):
            refusal = NO_MARK
        elif rounded == 0.0:
            refusal = QUANTITY_BELOW_LOT
        else:
            quantity = rounded
            refusal = refusal_of_legs(quantity, entry, stop_loss, take_profit, stop_loss_frac, take_profit_frac)
            if refusal == NO_REASON:
                refusal = refusal_of_size(s, asset, quantity)
    i = new_order(s, t, asset, kind, PLAIN, tif, expire, tag, quantity)
    o = s.orders[i]
    parent = o.id
    o.parent = parent
    o.limit_price = entry_limit
    o.stop_price = entry_stop
    if refusal != NO_REASON:
        reject(s, t, i, refusal)
    else:
        enlist(s, i)
    new_child(s, t, asset, STOP, STOP_LOSS, parent, refusal, stop_loss, stop_loss_frac, tag)
    new_child(s, t, asset, LIMIT, TAKE_PROFIT, parent, refusal, take_profit, take_profit_frac, tag)
    return parent


@inner_jit
def new_child(s, t, asset, kind, role, parent, refusal, price, fraction, tag):
    """Append one leg of a bracket: asleep until its parent fills, or ended at once where it is absent or refused."""
    i = new_order(s, t, asset, kind, role, 0, 0, tag, 0.0)
    o = s.orders[i]
    o.parent = parent
    o.partner = parent + 2 if role == STOP_LOSS else parent + 1
    o.eligible = -1
    o.distance_frac = fraction
    if kind == STOP:
        o.stop_price = price
    else:
        o.limit_price = price
    if refusal != NO_REASON:
        reject(s, t, i, PARENT_REJECTED)
    elif np.isnan(price) and np.isnan(fraction):
        o.status = CANCELLED
        o.reason = LEG_ABSENT
        o.ended = t
    else:
        o.status = DORMANT
        enlist(s, i)
