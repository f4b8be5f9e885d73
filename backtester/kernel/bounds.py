"""Which bars may be skipped: per asset, the prices between which no working order is reached.

A quiet bar costs two comparisons per asset, however many orders are working. The bounds may be too narrow, which costs
a look at the orders, never too wide: whatever could widen them sets `stirred`, or is pending, trailing or dated.
"""

import numpy as np

from backtester.kernel.constants import (
    LIMIT,
    MARKET,
    STOP_LIMIT,
    WORKING,
)
from backtester.kernel.jit import inner_jit
from backtester.kernel.orders import (
    fills_at_close,
    row_of,
)
from backtester.kernel.reach import rises


@inner_jit(forceinline=True)
def has_work(s, t):
    """Whether bar t may do something to an order."""
    if s.n_pending > 0 or s.stirred != 0 or s.n_trailing > 0 or s.n_dated > 0:
        return True
    for a in range(s.n_assets):
        if s.low[t, a] <= s.bound_down[a] or s.high[t, a] >= s.bound_up[a]:
            return True
    return False


@inner_jit
def set_bounds(s):
    """Take the bounds from the working orders, after a bar was matched."""
    for a in range(s.n_assets):
        s.bound_down[a] = -np.inf
        s.bound_up[a] = np.inf
    for n in range(s.n_active):
        o = s.orders[row_of(s, s.active[n])]
        if o.status != WORKING or fills_at_close(s, o):
            continue
        a = o.asset
        rests = o.kind == LIMIT or (o.kind == STOP_LIMIT and o.triggered >= 0)
        if o.kind == MARKET or (o.triggered >= 0 and not rests):
            s.bound_down[a] = np.inf
        elif rises(o):
            s.bound_up[a] = min(s.bound_up[a], o.limit_price if rests else o.stop_price)
        else:
            s.bound_down[a] = max(s.bound_down[a], o.limit_price if rests else o.stop_price)
    s.stirred = 0
