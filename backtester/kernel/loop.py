"""The clock: one bar after another, resumable between any two of them (rule 2).

`advance` runs compiled hooks; `turn` stops where user code comes next, for interpreted strategies. Both are made of the
same two halves of a bar, so they cannot differ. The heavy parts (matching, changes, margin) are compiled once, as C
functions whose addresses lie in the state; the loops call them only in bars that need them.
"""

import numpy as np
from numba import int64

from backtester.kernel.bounds import has_work
from backtester.kernel.changes import (
    apply_changes,
)
from backtester.kernel.constants import (
    AT_CLOSE,
)
from backtester.kernel.currencies import fn_rates
from backtester.kernel.events import fn_events
from backtester.kernel.execution import fn_attempt
from backtester.kernel.jit import inner_jit, kernel_cfunc, kernel_jit, rare_cfunc
from backtester.kernel.layout import STATE
from backtester.kernel.ledger import carry, mark
from backtester.kernel.margin import drawdown_check, end_run, margin_check
from backtester.kernel.matching import match_bar, match_close
from backtester.kernel.orders import (
    sweep,
)
from backtester.kernel.struct import address_of, as_struct, call_hook, call_pointer

#: statuses `advance` returns
RUNNING = 0
FAILED = 1
EXHAUSTED = 2


@kernel_cfunc(int64(int64, int64))
def fn_match(address, t):
    """Match bar t: its open and intrabar phases."""
    s = as_struct(address, STATE)
    match_bar(s, t)
    if 2 * s.n_ended > s.n_active:
        sweep(s)
    return 0


@rare_cfunc(int64(int64, int64))
def fn_match_close(address, t):
    """Match the close phase of bar t, under `fill_at="close"`."""
    s = as_struct(address, STATE)
    match_close(s, t)
    if 2 * s.n_ended > s.n_active:
        sweep(s)
    return 0


@kernel_cfunc(int64(int64, int64, int64))
def fn_settle(address, t, ending):
    """Check the margin and the drawdown after bar t, or end the run there."""
    s = as_struct(address, STATE)
    if ending:
        end_run(s, t)
    else:
        margin_check(s, t)
        if s.max_drawdown < np.inf:
            drawdown_check(s, t)
    if 2 * s.n_ended > s.n_active:
        sweep(s)
    return 0


@kernel_cfunc(int64(int64, int64))
def fn_apply(address, t):
    """Carry out the cancels and changes that act at the start of bar t."""
    s = as_struct(address, STATE)
    apply_changes(s, t)
    return 0


@rare_cfunc(int64(int64, int64))
def fn_carry(address, t):
    """Charge borrow and interest at the start of bar t."""
    carry(as_struct(address, STATE), t)
    return 0


#: the state fields that hold the addresses of these functions
PARTS = {
    "fn_match": fn_match,
    "fn_attempt": fn_attempt,
    "fn_settle": fn_settle,
    "fn_apply": fn_apply,
}

#: … and those that few runs need
RARE_PARTS = {
    "fn_carry": fn_carry,
    "fn_events": fn_events,
    "fn_rates": fn_rates,
    "fn_match_close": fn_match_close,
}


@inner_jit(forceinline=True)
def begin_bar(s, t):
    """Everything of bar t that comes before user code."""
    s.t = t
    s.present = t + 1
    s.timestamp = s.timestamps[t]
    if s.has_carry and t > 0 and not s.bankrupt:
        call_pointer(s.fn_carry, int64, s, t)
    if s.next_change < s.n_changes:
        call_pointer(s.fn_apply, int64, s, t)
    if s.has_events and s.event_rows[t] and not s.bankrupt:
        call_pointer(s.fn_events, int64, s, t)
    if s.n_currencies > 1:
        call_pointer(s.fn_rates, int64, s, t, 0)
    if s.n_active > s.n_ended and has_work(s, t):
        call_pointer(s.fn_match, int64, s, t)
    if s.n_currencies > 1:
        call_pointer(s.fn_rates, int64, s, t, 1)
    mark(s, t)
    if s.equity <= 0.0 or s.watches:
        if not s.bankrupt:
            call_pointer(s.fn_settle, int64, s, t, 0)


@inner_jit(forceinline=True)
def close_phase(s, t):
    """Match what fills at the close of bar t, under `fill_at="close"`, and mark again."""
    if s.fill_at == AT_CLOSE and s.n_market > 0:
        call_pointer(s.fn_match_close, int64, s, t)
        mark(s, t)


@inner_jit(forceinline=True)
def end_bar(s, t):
    """Everything of bar t that comes after user code."""
    close_phase(s, t)
    s.equity_curve[t] = s.equity
    s.next_bar = t + 1


@inner_jit
def call_events(s, self_address, on_fill, on_reject):
    """Hand new fills and refusals to the hooks; returns the status of the first that raised."""
    if on_fill != 0:
        while s.fills_seen < s.n_fills:
            s.hook_index = s.fills_seen
            s.fills_seen += 1
            status = call_hook(on_fill, self_address, address_of(s))
            if status != 0:
                return status
    if on_reject != 0:
        until = s.n_rejects  # what on_reject itself has refused waits for the next bar
        while s.rejects_seen < until:
            s.hook_index = s.rejects[s.rejects_seen]
            s.rejects_seen += 1
            status = call_hook(on_reject, self_address, address_of(s))
            if status != 0:
                return status
    return 0


@kernel_jit(int64(int64, int64, int64, int64, int64, int64))
def advance(address, self_address, on_bar, on_fill, on_reject, until):
    """Run bars up to `until` (exclusive) with compiled hooks; return RUNNING, EXHAUSTED, or FAILED (bar `t`)."""
    s = as_struct(address, STATE)
    own = as_struct(self_address, STATE)  # only its word 0 is used: the length of the strategy's series
    hooks = on_fill != 0 or on_reject != 0
    t = s.next_bar
    while t < until:
        begin_bar(s, t)
        own.present = t + 1
        if hooks:
            if call_events(s, self_address, on_fill, on_reject) != 0:
                return FAILED
        if on_bar != 0 and t >= s.start and not s.bankrupt and not s.stopped:
            if call_hook(on_bar, self_address, address) != 0:
                return FAILED
        end_bar(s, t)
        if s.exhausted:
            return EXHAUSTED
        t += 1
    return RUNNING


@kernel_jit()
def turn(address):
    """Finish the current bar, if one is open, and begin the next; return its number, or -1 at the end of the data."""
    s = as_struct(address, STATE)
    if s.stage == 1:
        end_bar(s, s.t)
        s.stage = 0
    t = s.next_bar
    if t >= s.n_bars:
        return -1
    begin_bar(s, t)
    s.stage = 1
    return t


@kernel_jit()
def close_bar(address):
    """Finish the bar that `turn` began."""
    s = as_struct(address, STATE)
    if s.stage == 1:
        end_bar(s, s.t)
        s.stage = 0
