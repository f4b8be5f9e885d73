"""Money: fill prices, what the account can afford, posting a fill, carry, marking, and cash flows.

Everything that moves cash or a position goes through `post_fill` or `add_flow`, so replaying the two tables rebuilds
the account. Rule numbers refer to docs/accounting.md.
"""

import numpy as np

from backtester.kernel.arithmetic import DUST, floor_lot, round_tick
from backtester.kernel.codes import Table
from backtester.kernel.constants import (
    BORROW,
    CASH_INTEREST,
    CLOSE,
    DEBIT_INTEREST,
)
from backtester.kernel.jit import inner_jit
from backtester.kernel.room import give_up, grow
from backtester.kernel.struct import call_f8_f8_f8

YEAR_NS = 365.0 * 86_400e9

_FILLS = int(Table.FILLS)
_FLOWS = int(Table.CASH_FLOWS)


@inner_jit
def fill_price(s, t, a, quantity, reference, limit):
    """Return the price a taker pays (rule 7): with spread, slippage and impact, on the tick, within the limit."""
    rate = s.spread[a] * 0.5 + s.slippage[a]
    if s.has_impact:
        rate += impact_rate(s, t, a, quantity)
    buys = quantity > 0.0
    if buys == (reference >= 0.0):
        price = reference * (1.0 + rate)
    else:
        price = reference * (1.0 - rate)
    if price < 0.0 and reference >= 0.0:
        price = 0.0
    price = round_tick(price, s.tick_size[a], buys)
    if buys and price > limit:
        return limit
    if not buys and price < limit:
        return limit
    return price


@inner_jit
def impact_rate(s, t, a, quantity):
    """Return coefficient × daily volatility × √(|quantity| / daily volume), or 0 where either is unknown."""
    coefficient = s.impact[a]
    if coefficient == 0.0:
        return 0.0
    volume = s.daily_volume[t, a]
    sigma = s.sigma[t, a]
    if not (volume > 0.0) or not (sigma > 0.0):
        return 0.0
    return coefficient * sigma * np.sqrt(abs(quantity) / volume)


@inner_jit
def commission_rate(s, a, price, quantity):
    """Return the proportional commission in money per unit of quantity, for multiplier 1."""
    address = s.commission_fn[a]
    if address != 0:
        size = abs(quantity)
        return call_f8_f8_f8(address, price, size) / size
    return s.commission[a] * abs(price)


@inner_jit
def value_phase(s, t, closing):
    """Bring the sums of this phase up to date: its marks are opens, or closes in the close phase."""
    stamp = 2 * t + 1 if closing else 2 * t
    if s.phase_stamp == stamp:
        return
    s.phase_stamp = stamp
    value = 0.0
    gross = 0.0
    margin = 0.0
    for a in range(s.n_assets):
        mark = s.close[t, a] if closing else s.open[t, a]
        if mark != mark:
            mark = s.marks[a]
        s.phase_marks[a] = mark
        x = s.positions[a]
        if x != 0.0:
            worth = x * s.multipliers[a] * mark
            value += worth
            gross += abs(worth)
            margin += abs(worth) * s.margins[a]
    s.phase_value = value
    s.phase_gross = gross
    s.phase_margin = margin


@inner_jit
def account_at(s, a, reference):
    """Return equity, gross value and weighted gross value, assets at phase marks and `a` at the reference price."""
    worth = s.positions[a] * s.multipliers[a]
    mark = s.phase_marks[a]
    if worth == 0.0:
        return s.cash + s.phase_value, s.phase_gross, s.phase_margin
    equity = s.cash + s.phase_value + worth * (reference - mark)
    more = abs(worth) * (abs(reference) - abs(mark))
    return equity, s.phase_gross + more, s.phase_margin + more * s.margins[a]


@inner_jit
def most_within(limit, equity, gross, worth, closing, fixed, unit, minimum, paid, slip):
    """Return the most units, each adding `worth`, that keep G′ ≤ limit·E′ after closing `closing` (rule 11)."""
    kept = gross - closing * worth
    most = (limit * (equity - fixed - unit * closing) - kept) / (worth + limit * unit)
    if minimum > 0.0:
        free = limit * (equity - (minimum - paid) - slip * closing) - kept
        most = min(most, free / (worth + limit * slip))
    return most if most > 0.0 else 0.0


@inner_jit
def affordable(s, i, a, reference, price, rate, closing, opening):
    """Return q*, the most the account can open after closing `closing` units, and whether a limit of rule 33 says so.

    Rules 11, 33 and 34. Where `opening` fits with room to spare, infinity: two divisions less, for the same fill.
    """
    o = s.orders[i]
    m = s.multipliers[a]
    equity, gross, margin = account_at(s, a, reference)
    worth = abs(reference) * m
    slip = abs(price - reference) * m
    unit = slip + rate * m + s.commission_per_unit[a]
    fixed = s.commission_per_order[a] + o.commission_base - o.commission
    minimum, paid = s.commission_min[a], o.commission
    weighted = worth * s.margins[a]
    if minimum == 0.0 and s.lot_size[a] == 0.0 and not s.has_limits:
        free = s.leverage * (equity - fixed - unit * closing) - (margin - closing * weighted)
        if opening * (weighted + s.leverage * unit) <= free * (1.0 - 1e-9):
            return np.inf, False
    most = most_within(s.leverage, equity, margin, weighted, closing, fixed, unit, minimum, paid, slip)
    most = floor_lot(most, s.lot_size[a])
    limited = False
    if s.has_limits:
        own = abs(s.positions[a]) * worth
        within = np.inf
        if s.max_gross < np.inf:
            within = most_within(s.max_gross, equity, gross, worth, closing, fixed, unit, minimum, paid, slip)
        if s.max_exposure[a] < np.inf:
            part = most_within(s.max_exposure[a], equity, own, worth, closing, fixed, unit, minimum, paid, slip)
            within = min(within, part)
        within = floor_lot(within, s.lot_size[a])
        limited = within < most * (1.0 - 1e-9)
        most = min(within, most)
    return most, limited


@inner_jit
def post_fill(s, t, i, quantity, requested, reference, price, rate, taker, phase):
    """Book one execution of order row `i`: the fill row, cash, position, average cost and what the order has paid."""
    o = s.orders[i]
    a = o.asset
    m = s.multipliers[a]
    size = abs(quantity)
    base = o.commission_base + size * (rate * m + s.commission_per_unit[a])
    total = max(s.commission_min[a], s.commission_per_order[a] + base)
    commission = total - o.commission
    o.commission_base = base
    o.commission = total
    o.filled += quantity
    o.filled_value += size * price

    x = s.positions[a]
    after = x + quantity
    if abs(after) <= DUST * max(abs(x), size):
        after = 0.0
    if after == 0.0:
        s.entry_prices[a] = np.nan
    elif x == 0.0 or (x > 0.0) != (after > 0.0):
        s.entry_prices[a] = price
    elif abs(after) > abs(x):
        s.entry_prices[a] = (abs(x) * s.entry_prices[a] + size * price) / (abs(x) + size)
    s.positions[a] = after
    money = quantity * price * m + commission
    s.cash -= money
    if s.keeps:
        s.balances[s.settles[a]] -= money / s.rates[s.settles[a]]
    if s.phase_stamp == (2 * t + 1 if phase >= CLOSE else 2 * t):
        mark = s.phase_marks[a]
        s.phase_value += (after - x) * m * mark
        more = (abs(after) - abs(x)) * m * abs(mark)
        s.phase_gross += more
        s.phase_margin += more * s.margins[a]

    if s.n_fills == s.fills.shape[0]:
        grow(s, _FILLS)
        if s.n_fills == s.fills.shape[0]:
            s.n_fills += give_up(s)
    f = s.fills[s.n_fills]
    s.n_fills += 1
    f.order_id = o.id
    f.asset = a
    f.bar = t
    f.phase = phase
    f.taker = taker
    f.tag = o.tag
    f.quantity = quantity
    f.reference_price = reference
    f.price = price
    f.commission = commission
    f.spread = 0.0
    f.slippage = 0.0
    f.impact = 0.0
    f.rounding = 0.0
    f.fx = 1.0 if s.n_currencies == 1 else s.rates[s.currencies[a]]
    if taker:
        money = size * m * abs(reference)
        f.spread = money * (s.spread[a] * 0.5)
        f.slippage = money * s.slippage[a]
        if s.has_impact:
            f.impact = money * impact_rate(s, t, a, requested)
        if s.tick_size[a] != 0.0 or price == o.limit_price or price == 0.0:
            f.rounding = (price - reference) * m * quantity - f.spread - f.slippage - f.impact


@inner_jit
def pay(s, t, a, kind, amount):
    """Book a change of cash of one asset, in money of the account, in the currency it is settled in."""
    currency = s.settles[a]
    add_flow(s, t, a, kind, currency, amount / s.rates[currency])


@inner_jit
def add_flow(s, t, a, kind, currency, amount):
    """Book a change of cash that is not a fill, in its currency; zero makes no row."""
    if amount == 0.0:
        return
    if s.n_flows == s.flows.shape[0]:
        grow(s, _FLOWS)
        if s.n_flows == s.flows.shape[0]:
            s.n_flows += give_up(s)
    row = s.flows[s.n_flows]
    s.n_flows += 1
    row.bar = t
    row.asset = a
    row.kind = kind
    row.currency = currency
    row.amount = amount
    row.fx = s.rates[currency]
    if s.keeps:
        s.balances[currency] += amount
        s.cash += amount * s.rates[currency]
    else:
        s.cash += amount


@inner_jit
def carry(s, t):
    """Charge borrow and interest for the time since the last row of the clock (rules 19, 34 and 35)."""
    years = (s.timestamps[t] - s.timestamps[t - 1]) / YEAR_NS
    if s.keeps:
        for k in range(s.n_currencies):
            s.free[k] = s.balances[k]
    else:
        s.free[0] = s.cash
    for a in range(s.n_assets):
        x = s.positions[a]
        if x == 0.0 or (x > 0.0 and not s.margined[a]):
            continue
        k = s.settles[a]
        value = x * s.multipliers[a] * s.marks[a]
        if s.margined[a]:
            s.free[k] += value / s.rates[k]
        else:
            s.free[k] -= abs(value) / s.rates[k]
            pay(s, t, a, BORROW, -(s.borrow_rate[a] * abs(value) * years))
    for k in range(s.n_currencies if s.keeps else 1):
        free = s.free[k]
        if free >= 0.0:
            add_flow(s, t, -1, CASH_INTEREST, k, s.cash_rate * free * years)
        elif free < 0.0:
            add_flow(s, t, -1, DEBIT_INTEREST, k, s.debit_rate * free * years)


@inner_jit(forceinline=True)
def mark(s, t):
    """Mark every asset that has a bar at its close, and the account with them."""
    value = 0.0
    for a in range(s.n_assets):
        price = s.close[t, a]
        if price == price:
            s.marks[a] = price
        x = s.positions[a]
        if x != 0.0:
            value += x * s.multipliers[a] * s.marks[a]
    s.equity = s.cash + value


@inner_jit
def margin_value(s):
    """Return Σ |position·multiplier·mark|, weighted by margin: what maintenance is a fraction of."""
    margin = 0.0
    for a in range(s.n_assets):
        x = s.positions[a]
        if x != 0.0:
            margin += abs(x * s.multipliers[a] * s.marks[a]) * s.margins[a]
    return margin


@inner_jit
def equity_at_marks(s):
    """Return cash plus positions at their last marks."""
    value = 0.0
    for a in range(s.n_assets):
        x = s.positions[a]
        if x != 0.0:
            value += x * s.multipliers[a] * s.marks[a]
    return s.cash + value
