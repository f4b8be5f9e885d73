"""The doors of the kernel: C functions that user code, compiled or interpreted, calls for its verbs.

Compiled code finds their addresses in the state (`fn_submit` …), so that it links no kernel code and an edit of a
strategy compiles the strategy alone. Interpreted code calls the same functions through ctypes.
"""

import numpy as np
from numba import float64, int64

from backtester.kernel.arithmetic import one_nan
from backtester.kernel.changes import (
    request_change,
)
from backtester.kernel.codes import Table
from backtester.kernel.constants import LIMIT, PLAIN, SCALE_OUT, TRAILING, TRAILING_STOP
from backtester.kernel.jit import inner_jit, kernel_cfunc
from backtester.kernel.layout import STATE
from backtester.kernel.ready import is_ready
from backtester.kernel.room import give_up, grow
from backtester.kernel.struct import as_struct
from backtester.kernel.submission import (
    submit,
    submit_bracket,
    submit_target,
)

_RECORDS = int(Table.RECORDS)
_I, _F = int64, float64


@kernel_cfunc(_I(_I, _I, _I, _F, _F, _F, _F, _F, _I, _I, _I))
def fn_submit(address, asset, kind, quantity, limit_price, stop_price, distance, distance_frac, tif, expire, tag):
    s = as_struct(address, STATE)
    role = TRAILING if kind == TRAILING_STOP else PLAIN
    return submit(s, asset, kind, role, quantity, limit_price, stop_price, distance, distance_frac, tif, expire, tag)


@kernel_cfunc(_I(_I, _I, _F, _F, _I, _I, _I))
def fn_scale_out(address, asset, quantity, price, tif, expire, tag):
    s = as_struct(address, STATE)
    nan = np.nan
    return submit(s, asset, LIMIT, SCALE_OUT, quantity, price, nan, nan, nan, tif, expire, tag)


@kernel_cfunc(_I(_I, _I, _I, _F, _I, _I, _I, _I))
def fn_target(address, asset, unit, amount, group, tif, expire, tag):
    return submit_target(as_struct(address, STATE), asset, unit, amount, group, tif, expire, tag)


@kernel_cfunc(_I(_I, _I, _F, _F, _F, _F, _F, _F, _F, _I, _I, _I))
def fn_bracket(
    address, asset, quantity, stop_loss, take_profit, stop_frac, target_frac, entry_limit, entry_stop, tif, expire, tag
):
    s = as_struct(address, STATE)
    return submit_bracket(
        s, asset, quantity, stop_loss, take_profit, stop_frac, target_frac, entry_limit, entry_stop, tif, expire, tag
    )


@kernel_cfunc(_I(_I, _I, _I, _I, _F, _F))
def fn_change(address, kind, order_id, other, price, quantity):
    return request_change(as_struct(address, STATE), kind, order_id, other, price, quantity)


@kernel_cfunc(_I(_I))
def fn_group(address):
    s = as_struct(address, STATE)
    s.n_groups += 1
    return s.n_groups


@kernel_cfunc(_I(_I, _I, _F))
def fn_record(address, key, value):
    s = as_struct(address, STATE)
    if s.n_records == s.records.shape[0]:
        grow(s, _RECORDS)
        if s.n_records == s.records.shape[0]:
            s.n_records += give_up(s)
    row = s.records[s.n_records]
    s.n_records += 1
    row.bar = s.t
    row.key = key
    row.value = one_nan(value)
    return s.n_records


@inner_jit
def next_random(s):
    """Advance the account's SplitMix64 generator (Steele, Lea, Flood 2014); uniform in [0, 1)."""
    z = np.uint64(s.random_state) + np.uint64(0x9E3779B97F4A7C15)
    s.random_state = np.int64(z)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel_cfunc(_F(_I))
def fn_random(address):
    return next_random(as_struct(address, STATE))


@kernel_cfunc(_I(_I, _I))
def fn_ready(address, asset):
    s = as_struct(address, STATE)
    if asset < 0 or asset >= s.n_assets:
        return 0
    return 1 if is_ready(s, s.t, asset) else 0


DOORS = {
    "fn_submit": fn_submit,
    "fn_scale_out": fn_scale_out,
    "fn_target": fn_target,
    "fn_bracket": fn_bracket,
    "fn_change": fn_change,
    "fn_record": fn_record,
    "fn_random": fn_random,
    "fn_group": fn_group,
    "fn_ready": fn_ready,
}
