"""Money that comes and goes is not a return: time-weighted returns, and the money-weighted rate (rule 32).

Sources: CFA Institute, Global Investment Performance Standards (2020), time-weighted returns with true valuation at
every external cash flow; the internal rate of return of the flows for the money-weighted one.
"""

from __future__ import annotations

import math

import numpy as np

from backtester.kernel.codes import CashFlowKind
from backtester.metrics._scan import NAN

_EXTERNAL = (CashFlowKind.DEPOSIT, CashFlowKind.WITHDRAWAL)
_TOLERANCE = 1e-13


def is_external(cash_flows: np.ndarray) -> np.ndarray:
    """Return which rows are deposits or withdrawals, bool [n_flows]."""
    return np.isin(cash_flows["kind"], _EXTERNAL)


def net_deposits(cash_flows: np.ndarray, n_bars: int) -> np.ndarray:
    """Return deposits less withdrawals at the start of each bar, money of the account, float64 [n_bars].

    Parameters
    ----------
    cash_flows : structured array, dtype `backtester.kernel.tables.CASH_FLOW`
    n_bars : int
    """
    external = cash_flows[is_external(cash_flows)]
    return np.bincount(external["bar"], weights=external["amount"], minlength=n_bars)[:n_bars].astype(np.float64)


def wealth_index(equity: np.ndarray, deposits: np.ndarray) -> np.ndarray:
    """Return the equity that the starting equity alone would have become: E_0·Π(1 + r), float64 [n].

    r_t = E_t/(E_{t−1} + D_t) − 1. 0 after ruin, NaN from the first NaN on. Without deposits it is `equity`
    itself, to the bit.

    Parameters
    ----------
    equity : float64 [n]
        Equity at the end of each bar, money.
    deposits : float64 [n]
        Deposits less withdrawals at the start of each bar, money; that of bar 0 is part of the starting equity.
    """
    if not deposits[1:].any():
        return equity
    growth, before = np.ones(len(equity)), equity[:-1] + deposits[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        np.divide(equity[1:], before, out=growth[1:])
    growth[1:][(before == 0.0) & (equity[1:] == 0.0)] = 0.0  # after ruin
    return equity[0] * np.cumprod(growth)


def rate_without_flows(first: float, last: float, years: float) -> float:
    """Return the annual rate that turns `first` into `last`, both above 0."""
    return math.expm1(math.log(last / first) / years)


def money_weighted_return(equity: np.ndarray, deposits: np.ndarray, timestamps: np.ndarray) -> float:
    """Return the annual rate i with E_0·(1 + i)^T + Σ D_t·(1 + i)^(T − t) = E_end: a fraction per year.

    Times are years of 365.25 days, from the close of bar 0 for the starting equity, and from the close of the bar
    before for a deposit at the start of a bar. −1 where nothing is left at the end and no rate above −1 fits. NaN for
    one bar, and for an equity that is anywhere not finite or does not start above 0.

    Parameters
    ----------
    equity, deposits : float64 [n]
        As in `wealth_index`.
    timestamps : int64 [n]
        ns UTC, increasing.
    """
    n = len(equity)
    timestamps = np.asarray(timestamps)
    if n < 2 or not np.isfinite(equity).all() or equity[0] <= 0.0:
        return NAN
    at = np.flatnonzero(deposits[1:]) + 1
    years = (timestamps[-1] - timestamps) / (365.25 * 86_400e9)
    amounts = np.concatenate(([equity[0]], deposits[at]))
    spans = np.concatenate(([years[0]], years[at - 1]))
    if spans[0] <= 0.0:
        return NAN

    if len(amounts) == 1 and equity[-1] > 0.0:
        return rate_without_flows(float(equity[0]), float(equity[-1]), float(spans[0]))

    def surplus(log_growth: float) -> float:
        """Return what the flows would have become at a rate, less what there is."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.sum(amounts * np.exp(log_growth * spans))) - float(equity[-1])

    low, high = -1.0 / spans[0], 1.0 / spans[0]
    for _ in range(60):
        low = low if surplus(low) < 0.0 else 2.0 * low
        high = high if surplus(high) >= 0.0 else 2.0 * high
    if not surplus(low) <= 0.0 <= surplus(high):
        return -1.0 if equity[-1] <= 0.0 else NAN
    while high - low > _TOLERANCE * max(abs(low), abs(high), 1.0):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if surplus(middle) < 0.0 else (low, middle)
    return math.expm1(0.5 * (low + high))
