"""The life of an order outside the market: submission, queued changes, activation, relations, and its end.

A row is never removed. `active` lists the ids of live orders in ascending order; ended ones are swept out of it at the
end of a bar. A bracket parent is marked by `parent == id`; its children are `id + 1` (stop) and `id + 2` (target).
"""

import numpy as np

from backtester.kernel.arithmetic import DUST, truncate_lot
from backtester.kernel.codes import ChangeKind, ChangeOutcome, FillAt, OrderKind, Reason, Role, Status, Table, Tif
from backtester.kernel.jit import inner_jit
from backtester.kernel.struct import address_of, call_void_i8_i8

MARKET = int(OrderKind.MARKET)
LIMIT = int(OrderKind.LIMIT)
STOP = int(OrderKind.STOP)
STOP_LIMIT = int(OrderKind.STOP_LIMIT)
TRAILING_STOP = int(OrderKind.TRAILING_STOP)

PLAIN = int(Role.PLAIN)
TARGET = int(Role.TARGET)
STOP_LOSS = int(Role.STOP_LOSS)
TAKE_PROFIT = int(Role.TAKE_PROFIT)
TRAILING = int(Role.TRAILING)

DAY = int(Tif.DAY)
IOC = int(Tif.IOC)
FOK = int(Tif.FOK)
GTD = int(Tif.GTD)

DORMANT = int(Status.DORMANT)
PENDING = int(Status.PENDING)
SLEEPING = int(Status.SLEEPING)
WORKING = int(Status.WORKING)
FILLED = int(Status.FILLED)
CANCELLED = int(Status.CANCELLED)
REJECTED = int(Status.REJECTED)
EXPIRED = int(Status.EXPIRED)

NO_REASON = int(Reason.NONE)
QUANTITY_ZERO = int(Reason.QUANTITY_ZERO)
QUANTITY_NOT_FINITE = int(Reason.QUANTITY_NOT_FINITE)
QUANTITY_BELOW_LOT = int(Reason.QUANTITY_BELOW_LOT)
QUANTITY_TOO_LARGE = int(Reason.QUANTITY_TOO_LARGE)
PRICE_INVALID = int(Reason.PRICE_INVALID)
DISTANCE_INVALID = int(Reason.DISTANCE_INVALID)
NO_MARK = int(Reason.NO_MARK)
STOP_LOSS_WRONG_SIDE = int(Reason.STOP_LOSS_WRONG_SIDE)
TAKE_PROFIT_WRONG_SIDE = int(Reason.TAKE_PROFIT_WRONG_SIDE)
EXPIRE_MISSING = int(Reason.EXPIRE_MISSING)
ASSET_UNKNOWN = int(Reason.ASSET_UNKNOWN)
TIF_UNKNOWN = int(Reason.TIF_UNKNOWN)
BANKRUPT = int(Reason.BANKRUPT)
TARGET_NOT_FINITE = int(Reason.TARGET_NOT_FINITE)
PARENT_REJECTED = int(Reason.PARENT_REJECTED)
GTD_ENDED = int(Reason.GTD_ENDED)
CANCELLED_BY_USER = int(Reason.CANCELLED_BY_USER)
REPLACED_BY_TARGET = int(Reason.REPLACED_BY_TARGET)
TARGET_REACHED = int(Reason.TARGET_REACHED)
LEG_ABSENT = int(Reason.LEG_ABSENT)
OTHER_LEG_FILLED = int(Reason.OTHER_LEG_FILLED)
NOTHING_TO_REDUCE = int(Reason.NOTHING_TO_REDUCE)
PARENT_ENDED = int(Reason.PARENT_ENDED)
LEGS_ENDED = int(Reason.LEGS_ENDED)
CLOSE_POSITION = int(Reason.CLOSE_POSITION)
REDUCED_BY_MODIFY = int(Reason.REDUCED_BY_MODIFY)

CANCEL = int(ChangeKind.CANCEL)
CANCEL_ALL = int(ChangeKind.CANCEL_ALL)
MODIFY = int(ChangeKind.MODIFY)
OCO = int(ChangeKind.OCO)

QUEUED = int(ChangeOutcome.QUEUED)
DONE = int(ChangeOutcome.DONE)
ORDER_UNKNOWN = int(ChangeOutcome.ORDER_UNKNOWN)
ORDER_ENDED = int(ChangeOutcome.ORDER_ENDED)
NOTHING_TO_CHANGE = int(ChangeOutcome.NOTHING_TO_CHANGE)
NEW_PRICE_INVALID = int(ChangeOutcome.PRICE_INVALID)
PRICE_NOT_MODIFIABLE = int(ChangeOutcome.PRICE_NOT_MODIFIABLE)
NEW_QUANTITY_INVALID = int(ChangeOutcome.QUANTITY_INVALID)
QUANTITY_ON_CHILD = int(ChangeOutcome.QUANTITY_ON_CHILD)
OCO_ALREADY_PAIRED = int(ChangeOutcome.OCO_ALREADY_PAIRED)

AT_CLOSE = int(FillAt.CLOSE)
LARGEST_QUANTITY = 1e15  # beyond 2**53 / 8 a float64 no longer counts units

UNIT_QUANTITY = 0
UNIT_VALUE = 1
UNIT_PERCENT = 2

_ORDERS = int(Table.ORDERS)
_CHANGES = int(Table.CHANGES)
_ACTIVE = int(Table.ACTIVE)
_REJECTS = int(Table.REJECTS)


# --- the table ---------------------------------------------------------------------------------------------------


@inner_jit
def row_of(s, order_id):
    """Return the row of an order id."""
    return (order_id - 1) & s.order_mask


@inner_jit
def new_order(s, t, asset, kind, role, tif, expire, tag, quantity):
    """Append a live order row that is pending, and return its row; the caller fills in the rest."""
    if s.n_orders > s.order_mask:
        call_void_i8_i8(s.fn_grow, address_of(s), _ORDERS)
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
        call_void_i8_i8(s.fn_grow, address_of(s), _ACTIVE)
    s.active[s.n_active] = o.id
    s.n_active += 1
    s.open_counts[o.asset] += 1
    if o.status == PENDING:
        s.n_pending += 1
    if o.tif == DAY or o.tif == GTD:
        s.n_dated += 1
    elif o.tif == IOC or o.tif == FOK:
        s.n_immediate += 1
    if o.role >= STOP_LOSS:
        s.protective_counts[o.asset] += 1
        if o.role == TRAILING:
            s.n_trailing += 1
    elif o.kind == MARKET:
        s.replaceable_counts[o.asset] += 1
        s.n_market += 1


@inner_jit
def reject(s, t, i, reason):
    """End a new order that was never live."""
    o = s.orders[i]
    o.status = REJECTED
    o.reason = reason
    o.ended = t
    note_reject(s, i)


@inner_jit
def note_reject(s, i):
    """Remember a refusal for on_reject."""
    if s.hooks_rejects:
        if s.n_rejects == s.rejects.shape[0]:
            call_void_i8_i8(s.fn_grow, address_of(s), _REJECTS)
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


# --- submission --------------------------------------------------------------------------------------------------


@inner_jit
def price_is_valid(s, price):
    return np.isfinite(price) and (price > 0.0 or s.negative_prices == 1)


@inner_jit
def refusal_of_quantity(s, asset, quantity):
    """Return why an order is refused before its prices are looked at, or NO_REASON."""
    if s.bankrupt:
        return BANKRUPT
    if asset < 0 or asset >= s.n_assets:
        return ASSET_UNKNOWN
    if not np.isfinite(quantity):
        return QUANTITY_NOT_FINITE
    if quantity == 0.0:
        return QUANTITY_ZERO
    if abs(quantity) > LARGEST_QUANTITY:
        return QUANTITY_TOO_LARGE
    return NO_REASON


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
def submit(s, asset, kind, quantity, limit_price, stop_price, distance, distance_frac, tif, expire, tag):
    """Take an order verb; return the order id."""
    t = s.t
    role = TRAILING if kind == TRAILING_STOP else PLAIN
    refusal = refusal_of_quantity(s, asset, quantity)
    if refusal == NO_REASON:
        refusal = refusal_of_prices(s, kind, quantity, limit_price, stop_price, distance, distance_frac)
    if refusal == NO_REASON:
        refusal = refusal_of_tif(tif, expire)
    if refusal == NO_REASON:
        rounded = lot_quantity(s, asset, quantity)
        if rounded == 0.0:
            refusal = QUANTITY_BELOW_LOT
        else:
            quantity = rounded
    i = new_order(s, t, asset, kind, role, tif, expire, tag, quantity)
    o = s.orders[i]
    o.limit_price = limit_price
    o.stop_price = stop_price
    o.distance = distance
    o.distance_frac = distance_frac
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
    elif asset < 0 or asset >= s.n_assets:
        refusal = ASSET_UNKNOWN
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


# --- the end of an order -----------------------------------------------------------------------------------------


@inner_jit
def end_order(s, t, i, status, reason):
    """Give a live order its final status; relations are the business of `finish`."""
    o = s.orders[i]
    a = o.asset
    s.open_counts[a] -= 1
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
        s.n_market -= 1
    o.status = status
    o.reason = reason
    o.ended = t
    s.n_ended += 1
    if status == REJECTED:
        note_reject(s, i)


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
    """Take ended orders out of the active list."""
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
    """Cancel every live order of the account."""
    for n in range(s.n_active):
        i = row_of(s, s.active[n])
        if is_live(s.orders[i]):
            finish(s, t, i, CANCELLED, reason)


@inner_jit
def refuse(s, t, i, reason):
    """End an order the market refused: rejected if nothing was filled before, else cancelled."""
    finish(s, t, i, REJECTED if s.orders[i].filled == 0.0 else CANCELLED, reason)


# --- queued changes ----------------------------------------------------------------------------------------------


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
def request_change(s, kind, order_id, other, price, quantity):
    """Queue a cancel, modify or oco (rule 2); return 1 where the orders named are live, else 0."""
    outcome = DONE
    if kind == CANCEL_ALL:
        if other < 0 or other >= s.n_assets:
            outcome = ORDER_UNKNOWN
        elif s.open_counts[other] == 0:
            outcome = ORDER_ENDED
        order_id = s.n_orders
    else:
        outcome = order_state(s, order_id)
        if kind == OCO:
            outcome = worse_of(outcome, order_state(s, other))
    if s.n_changes == s.changes.shape[0]:
        call_void_i8_i8(s.fn_grow, address_of(s), _CHANGES)
    c = s.changes[s.n_changes]
    s.n_changes += 1
    c.bar = s.t
    c.acts = s.t + s.latency + 1 if outcome == DONE else -1
    c.kind = kind
    c.order_id = order_id
    c.other = other
    c.outcome = QUEUED if outcome == DONE else outcome
    c.price = price
    c.quantity = quantity
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
            c.outcome = cancel_asset(s, t, c.other, c.order_id, CLOSE_POSITION if c.quantity == 1.0 else CANCELLED_BY_USER)
        elif c.kind == MODIFY:
            modify(s, t, n)
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
