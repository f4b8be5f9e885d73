"""Fetches what the next copies will need while one is stepped: with a thousand accounts, a step waits for memory.

A step touches some fifty cache lines of its account, a few of the market and of the panel of features, and each copy is
at another place of both. None of this changes a result.
"""

from __future__ import annotations

from backtester.kernel.jit import inner_jit
from backtester.kernel.layout import STATE
from backtester.kernel.struct import address_of, as_struct, fetch_line
from envs.trading.layout import TRADING

LINE = 64  # bytes
MOST = 8192  # bytes of an account; more would drive out of the first cache what has just come
_MOST_ROWS = 1024  # bytes of a row of prices, or of a window


@inner_jit
def fetch_bytes(address, n_bytes):
    """Ask for the lines of a piece of memory."""
    for at in range(0, n_bytes, LINE):
        fetch_line(address + at)


@inner_jit
def fetch_account(trading, e):
    """Ask for what most steps touch of account e: two steps before its turn."""
    m = as_struct(trading, TRADING)
    fetch_bytes(m.accounts + e * m.stride, m.hot)


@inner_jit
def fetch_surroundings(trading, e):
    """Ask for what account e points at, the next bar, its window and its next order: one step before its turn."""
    m = as_struct(trading, TRADING)
    s = as_struct(m.accounts + e * m.stride, STATE)
    t = s.t + 1
    if t >= s.n_bars:
        return
    row = min(8 * s.n_assets, _MOST_ROWS)
    for prices in (s.open, s.high, s.low, s.close, s.volume):
        fetch_bytes(address_of(prices) + 8 * s.n_assets * t, row)
    fetch_line(address_of(s.timestamps) + 8 * t)
    columns = 4 * m.panel.shape[1]
    fetch_bytes(address_of(m.panel) + columns * (t + 1 - m.window), min(columns * m.window, _MOST_ROWS))
    order = s.orders.itemsize
    fetch_bytes(address_of(s.orders) + order * (s.n_orders & s.order_mask), order)


@inner_jit
def fetch_next(trading, e, n):
    """Ask for what the copies after copy e of n will need."""
    if e + 2 < n:
        fetch_account(trading, e + 2)
    if e + 1 < n:
        fetch_surroundings(trading, e + 1)
