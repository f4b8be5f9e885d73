"""Money that comes, goes, or changes its currency at the strategy's word (rules 32 and 35)."""

import numpy as np

from backtester.kernel.arithmetic import DUST
from backtester.kernel.constants import (
    ACCOUNT_ENDED,
    AMOUNT_INVALID,
    CONVERSION,
    CURRENCY_NOT_KEPT,
    CURRENCY_UNKNOWN,
    DEPOSIT_FLOW,
    DONE,
    NOTHING_FREE,
    NOTHING_TO_CHANGE,
    RATE_UNKNOWN,
    REDUCED,
    WITHDRAWAL,
)
from backtester.kernel.currencies import pair_price, rate_of, value_cash
from backtester.kernel.jit import inner_jit
from backtester.kernel.ledger import add_flow, equity_at_marks, margin_value


@inner_jit
def refusal_of_transfer(s, amount, source, target, converts):
    """Return why a transfer is refused at once, or DONE; `source` and `target` are assets, or -1."""
    if s.bankrupt or s.stopped:
        return ACCOUNT_ENDED
    if not np.isfinite(amount) or amount == 0.0:
        return AMOUNT_INVALID
    if not converts:
        return DONE
    if source < -1 or source >= s.n_assets or target < -1 or target >= s.n_assets:
        return CURRENCY_UNKNOWN
    return DONE if s.keeps else CURRENCY_NOT_KEPT


@inner_jit
def transfer(s, t, amount):
    """Pay an amount in, or, where it is negative, out as far as it is free; return the outcome."""
    if s.bankrupt or s.stopped:
        return ACCOUNT_ENDED
    equity = equity_at_marks(s)
    outcome = DONE
    if amount < 0.0:
        free = equity - margin_value(s) / s.leverage
        if not free > DUST * equity:  # what rounding leaves after a withdrawal of all that was free is nothing
            return NOTHING_FREE
        if -amount > free:
            amount = -free
            outcome = REDUCED
    add_flow(s, t, -1, DEPOSIT_FLOW if amount > 0.0 else WITHDRAWAL, 0, amount)
    if equity > 0.0:
        s.peak *= (equity + amount) / equity
    return outcome


@inner_jit
def currency_of(s, a):
    """Return the number of the currency of asset `a`; that of the account for -1."""
    return s.currencies[a] if a >= 0 else 0


@inner_jit
def exchange_rate(s, t, k, side):
    """Return the rate at the open of bar t at which currency `k` is sold (side -1) or bought (+1); 0: without costs."""
    if k == 0:
        return 1.0
    pair = s.rate_assets[k]
    return rate_of(s, k, pair_price(s, t, k, False)) * (1.0 + side * (s.spread[pair] * 0.5 + s.slippage[pair]))


@inner_jit
def convert(s, t, amount, source, target):
    """Sell an amount of one currency for another at the opens of their pairs; return the outcome."""
    if s.bankrupt or s.stopped:
        return ACCOUNT_ENDED
    sold, bought = currency_of(s, source), currency_of(s, target)
    if sold == bought:
        return NOTHING_TO_CHANGE
    received = amount * exchange_rate(s, t, sold, -1.0) / exchange_rate(s, t, bought, 1.0)
    if not np.isfinite(received):
        return RATE_UNKNOWN
    add_flow(s, t, -1, CONVERSION, sold, -amount)
    s.flows[s.n_flows - 1].fx = exchange_rate(s, t, sold, 0.0)
    add_flow(s, t, -1, CONVERSION, bought, received)
    s.flows[s.n_flows - 1].fx = exchange_rate(s, t, bought, 0.0)
    value_cash(s)
    return DONE
