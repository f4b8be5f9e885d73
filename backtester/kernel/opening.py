"""How an account begins in the middle of the data, and how one that trains for ever forgets what is over.

A backtest begins at bar 0 and keeps every row of its tables. An environment opens its accounts at the close of any
bar, again and again, in the same memory; `forget` empties the tables between two steps, so that they stay short
however long an episode is. Order ids go on counting: a row of the order table belongs to an id only as long as it may
be needed.
"""

import numpy as np
from numba import int64

from backtester.kernel.constants import NEVER
from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.kernel.layout import STATE
from backtester.kernel.loop import begin_bar
from backtester.kernel.orders import sweep
from backtester.kernel.struct import as_struct

_FAMILY = 3  # a bracket's orders have ids at most this far apart, and refer to one another by row


@inner_jit
def open_account(s, t, cash, marks, rates, delisted_from):
    """Make a fresh account at the close of bar t: money, no position, no order.

    `marks` float64 [n_bars, n_assets] are the last known closes, `rates` float64 [n_bars, n_currencies] the exchange
    rates at each close, `delisted_from` int64 [n_assets] the bar from which an asset is no longer listed; see
    `accounts.outlook`.
    """
    s.t = t
    s.present = t + 1
    s.timestamp = s.timestamps[t]
    s.next_bar = t + 1
    s.stage = 0
    s.hook_index = 0
    s.n_orders = 0
    s.first_order = 0
    s.n_active = 0
    s.n_fills = 0
    s.n_flows = 0
    s.n_changes = 0
    s.n_actions = 0
    s.n_records = 0
    s.n_rejects = 0
    s.next_change = 0
    s.fills_seen = 0
    s.rejects_seen = 0
    s.n_pending = 0
    s.n_ended = 0
    s.n_dated = 0
    s.n_immediate = 0
    s.n_trailing = 0
    s.n_market = 0
    s.n_hand = 0
    s.n_booked = 0
    s.book_end = 0
    s.first_pending = NEVER
    s.next_expire = NEVER
    s.n_woken = 0
    s.n_groups = 0
    s.factor_group = 0
    s.factor_stamp = 0
    s.factor = 0.0
    s.bankrupt = 0
    s.stopped = 0
    s.exhausted = 0
    s.ambiguous_bars = 0
    s.ambiguous_bar = -1
    s.phase_stamp = -1
    s.phase_value = 0.0
    s.phase_gross = 0.0
    s.phase_margin = 0.0
    s.cash = cash
    s.equity = cash
    s.peak = cash
    for k in range(s.n_currencies):
        s.rates[k] = rates[t, k] if s.n_currencies > 1 else 1.0
        s.balances[k] = 0.0
    s.balances[0] = cash
    for a in range(s.n_assets):
        s.positions[a] = 0.0
        s.entry_prices[a] = np.nan
        s.marks[a] = marks[t, a]
        s.phase_marks[a] = 0.0
        s.multipliers[a] = s.contracts[a] * s.rates[s.currencies[a]]
        s.used_volume[a] = 0.0
        s.used_bar[a] = -1
        s.bound_down[a] = -np.inf
        s.bound_up[a] = np.inf
        s.open_counts[a] = 0
        s.replaceable_counts[a] = 0
        s.protective_counts[a] = 0
        s.delisted[a] = 1 if t >= delisted_from[a] else 0
    for h in range(2 * s.n_assets):
        s.book_first[h] = 0
        s.book_count[h] = 0
        s.book_room[h] = 0


@inner_jit
def forget(s):
    """Empty the tables of what is over; live orders, their families and queued changes stay."""
    s.n_fills = 0
    s.n_flows = 0
    s.n_actions = 0
    s.n_records = 0
    s.n_rejects = 0
    s.fills_seen = 0
    s.rejects_seen = 0
    if s.next_change > 0:
        kept = s.n_changes - s.next_change
        for n in range(kept):
            s.changes[n] = s.changes[s.next_change + n]
        s.n_changes = kept
        s.next_change = 0
    if s.n_ended > 0:
        sweep(s)  # an ended order in these lists would be taken for the one that uses its row next
    s.first_order = s.n_orders if s.n_active == 0 else max(s.first_order, s.active[0] - _FAMILY)


@kernel_jit(int64(int64))
def step_flat(address):
    """Run the next bar of an account that sends no order; return its number, or -1 at the end of the data."""
    s = as_struct(address, STATE)
    t = s.next_bar
    if t >= s.n_bars:
        return -1
    begin_bar(s, t)
    s.next_bar = t + 1
    return t
