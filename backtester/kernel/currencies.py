"""Exchange rates as bars: what one unit of each currency is worth at this point of a bar (rule 35).

Everything else in the kernel knows money of the account alone: the effective multiplier of an asset, `multipliers`, is
that of its contract times the rate of its currency, and moves here.
"""

import numpy as np
from numba import int64

from backtester.kernel.jit import inner_jit, rare_cfunc
from backtester.kernel.layout import STATE
from backtester.kernel.struct import as_struct


@inner_jit
def pair_price(s, t, k, closing):
    """Return the price of the pair of currency `k` at the open or close of bar t, its last mark without a bar."""
    a = s.rate_assets[k]
    price = s.close[t, a] if closing else s.open[t, a]
    return price if price == price else s.marks[a]


@inner_jit
def rate_of(s, k, price):
    """Return money of the account for one unit of currency `k` at a price of its pair; NaN where that means nothing."""
    if not price > 0.0:
        return np.nan
    return 1.0 / price if s.rate_inverse[k] else price


@inner_jit
def set_rates(s, t, closing):
    """Bring rates, effective multipliers and the value of cash to the open or the close of bar t."""
    for k in range(1, s.n_currencies):
        s.rates[k] = rate_of(s, k, pair_price(s, t, k, closing))
    for a in range(s.n_assets):
        s.multipliers[a] = s.contracts[a] * s.rates[s.currencies[a]]
    if s.keeps:
        value_cash(s)


@inner_jit
def value_cash(s):
    """Make `cash` the value of the balances at the present rates."""
    cash = 0.0
    for k in range(s.n_currencies):
        if s.balances[k] != 0.0:
            cash += s.balances[k] * s.rates[k]
    s.cash = cash


@rare_cfunc(int64(int64, int64, int64))
def fn_rates(address, t, closing):
    """Bring exchange rates to the open or the close of bar t."""
    set_rates(as_struct(address, STATE), t, closing != 0)
    return 0
