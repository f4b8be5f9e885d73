"""Orders the strategy does not send itself: liquidation, ruin, the drawdown stop, the end of the data.

Rules 4, 20 and 33.
"""

from backtester.kernel.constants import (
    AT_CLOSE,
    AT_END,
    AT_END_ROLE,
    BANKRUPT,
    CHANGE_DATA_ENDED,
    DATA_ENDED,
    DRAWDOWN_LIMIT,
    DRAWDOWN_STOP,
    EXPIRED,
    FILLED,
    FORCED,
    GTC,
    LIQUIDATION,
    LIQUIDATION_ROLE,
    MARKET,
    QUEUED,
    WRITE_OFF,
)
from backtester.kernel.jit import inner_jit
from backtester.kernel.ledger import add_flow, commission_rate, fill_price, margin_value, mark, post_fill
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
    margin = margin_value(s)
    if s.equity < s.maintenance * margin and has_position(s):
        cancel_everything(s, t, LIQUIDATION)
        while s.equity < s.maintenance * margin:
            a = largest_closable(s, t)
            if a < 0:
                break
            force_close(s, t, a, LIQUIDATION_ROLE, LIQUIDATION)
            mark(s, t)
            margin = margin_value(s)
    if s.equity <= 0.0 and margin == 0.0 and not has_position(s):
        cancel_everything(s, t, BANKRUPT)
        write_off(s, t)
        s.cash = 0.0
        s.equity = 0.0
        s.bankrupt = 1


@inner_jit
def write_off(s, t):
    """Bring every balance to nothing."""
    if not s.keeps:
        add_flow(s, t, -1, WRITE_OFF, 0, -s.cash)
        return
    for k in range(s.n_currencies):
        add_flow(s, t, -1, WRITE_OFF, k, -s.balances[k])


@inner_jit
def drawdown_check(s, t):
    """Flatten and stop an account that has lost its limit from the peak (rule 33)."""
    s.peak = max(s.peak, s.equity)
    if s.bankrupt or s.stopped or not s.equity < (1.0 - s.max_drawdown) * s.peak:
        return
    cancel_everything(s, t, DRAWDOWN_LIMIT)
    s.stopped = 1
    for a in range(s.n_assets):
        if s.positions[a] != 0.0:
            i = new_order(s, t, a, MARKET, DRAWDOWN_STOP, GTC, 0, 0, -s.positions[a])
            s.orders[i].eligible = t if s.fill_at == AT_CLOSE else t + 1
            enlist(s, i)


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
    if not s.keeps:
        s.balances[0] = s.cash
