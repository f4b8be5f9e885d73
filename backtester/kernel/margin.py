"""Orders the account does not send itself: liquidation, bankruptcy, and the end of the data (rules 4 and 20)."""

from backtester.kernel.codes import CashFlowKind
from backtester.kernel.constants import (
    AT_END,
    AT_END_ROLE,
    BANKRUPT,
    CHANGE_DATA_ENDED,
    DATA_ENDED,
    EXPIRED,
    FILLED,
    FORCED,
    GTC,
    LIQUIDATION,
    LIQUIDATION_ROLE,
    MARKET,
    QUEUED,
)
from backtester.kernel.jit import inner_jit
from backtester.kernel.ledger import add_flow, commission_rate, fill_price, gross_value, mark, post_fill
from backtester.kernel.orders import (
    cancel_everything,
    end_order,
    enlist,
    finish,
    is_live,
    new_order,
    row_of,
)
from backtester.kernel.reach import is_tradable

_WRITE_OFF = int(CashFlowKind.WRITE_OFF)


@inner_jit
def force_close(s, t, a, role, reason):
    """Close a whole position at the close of bar t, as taker, without participation."""
    quantity = -s.positions[a]
    i = new_order(s, t, a, MARKET, role, GTC, 0, 0, quantity)
    s.orders[i].eligible = t
    enlist(s, i)
    reference = s.close[t, a]
    price = fill_price(s, t, a, quantity, reference, s.orders[i].limit_price)
    rate = commission_rate(s, a, price, quantity)
    post_fill(s, t, i, quantity, quantity, reference, price, rate, 1, FORCED)
    end_order(s, t, i, FILLED, reason)


@inner_jit
def margin_check(s, t):
    """Liquidate while equity is below the maintenance margin, and end an account that has nothing left."""
    if s.equity > 0.0 and s.maintenance == 0.0:
        return
    gross = gross_value(s)
    if s.equity < s.maintenance * gross and has_position(s):
        cancel_everything(s, t, LIQUIDATION)
        while s.equity < s.maintenance * gross:
            a = largest_closable(s, t)
            if a < 0:
                break
            force_close(s, t, a, LIQUIDATION_ROLE, LIQUIDATION)
            mark(s, t)
            gross = gross_value(s)
    if s.equity <= 0.0 and gross == 0.0 and not has_position(s):
        cancel_everything(s, t, BANKRUPT)
        add_flow(s, t, -1, _WRITE_OFF, -s.cash)
        s.cash = 0.0
        s.equity = 0.0
        s.bankrupt = 1


@inner_jit
def has_position(s):
    for a in range(s.n_assets):
        if s.positions[a] != 0.0:
            return True
    return False


@inner_jit
def largest_closable(s, t):
    """Return the tradable asset with the largest position by value, the lowest index among equals, or -1."""
    best = -1
    largest = -1.0
    for a in range(s.n_assets):
        x = s.positions[a]
        if x == 0.0 or not is_tradable(s, t, a):
            continue
        worth = abs(x * s.multipliers[a] * s.marks[a])
        if worth > largest:
            largest = worth
            best = a
    return best


@inner_jit
def end_run(s, t):
    """After the last bar: working orders expire, and `close_at_end` closes what can be closed."""
    for k in range(s.n_active):
        i = row_of(s, s.active[k])
        if is_live(s.orders[i]):
            finish(s, t, i, EXPIRED, DATA_ENDED)
    for n in range(s.next_change, s.n_changes):
        if s.changes[n].outcome == QUEUED:
            s.changes[n].outcome = CHANGE_DATA_ENDED
    s.next_change = s.n_changes
    if s.close_at_end and not s.bankrupt:
        for a in range(s.n_assets):
            if s.positions[a] != 0.0 and is_tradable(s, t, a):
                force_close(s, t, a, AT_END_ROLE, AT_END)
        mark(s, t)
        s.equity_curve[t] = s.equity
