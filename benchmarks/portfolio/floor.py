"""The floor of the portfolio benchmark: the same fills and the same equity curve from a hand-written numba loop.

No order table, no fill table, no bounds checks. The rules are those of docs/timeline.md and docs/accounting.md: decided
at close t, filled at open t+1; a weight is a fraction of the equity at the decision, and becomes a quantity at that
close; what reduces a position goes before what increases one, and one factor scales all increases where they do not fit
together.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit
def rebalance(
    open_: np.ndarray,
    close: np.ndarray,
    decided: np.ndarray,
    lookback: int,
    top: int,
    invested: float,
    cash: float,
    commission: float,
) -> tuple[np.ndarray, int]:
    """P1 and P2: at the close of every bar in `decided`, equal parts of the `top` assets by momentum; all if 0.

    Returns
    -------
    equity : ndarray [n_bars]
        Cash plus positions at the close.
    n_fills : int
    """
    n_bars, n_assets = close.shape
    equity = np.empty(n_bars)
    positions, goals, momentum = np.zeros(n_assets), np.zeros(n_assets), np.empty(n_assets)
    pending, n_fills = False, 0
    for t in range(n_bars):
        if pending:
            cash, filled = _trade(open_[t], positions, goals, cash, commission)
            n_fills += filled
        value = cash
        for a in range(n_assets):
            value += positions[a] * close[t, a]
        equity[t] = value
        pending = decided[t]
        if pending and top == 0:
            for a in range(n_assets):
                goals[a] = invested / n_assets * value / close[t, a]
        elif pending:
            for a in range(n_assets):
                momentum[a] = close[t, a] / close[t - lookback, a] - 1.0
            least = np.partition(momentum, n_assets - top)[n_assets - top]
            for a in range(n_assets):
                goals[a] = invested / top * value / close[t, a] if momentum[a] >= least else 0.0
    return equity, n_fills


@njit(inline="always")
def _trade(prices: np.ndarray, positions: np.ndarray, goals: np.ndarray, cash: float, commission: float):
    """Bring the positions to the goals at these prices; return the cash left and the number of fills."""
    n_fills = 0
    need = 0.0
    for a in range(len(prices)):
        quantity = goals[a] - positions[a]
        if quantity < 0.0:
            cash -= quantity * prices[a] * (1.0 - commission)
            positions[a] = goals[a]
            n_fills += 1
        elif quantity > 0.0:
            need += quantity * prices[a] * (1.0 + commission)
    factor = 1.0 if need <= cash * (1.0 + 1e-9) else cash / need
    for a in range(len(prices)):
        quantity = (goals[a] - positions[a]) * factor
        if quantity > 0.0:
            cash -= quantity * prices[a] * (1.0 + commission)
            positions[a] += quantity
            n_fills += 1
    return cash, n_fills


def sized_at_the_open(
    open_: np.ndarray, close: np.ndarray, weights: np.ndarray, cash: float, commission: float
) -> float:
    """Final equity where a weight becomes a quantity at the open it fills at, commission included, as bt has it.

    `weights` [n_bars, n_assets] are those of the bars that decide, NaN in others. Not timed: it is there to show that
    this rule is all that lies between the two results.
    """
    positions = np.zeros(close.shape[1])
    for t in np.flatnonzero(~np.isnan(weights[:-1, 0])):
        price = open_[t + 1]
        held = positions * price
        amount = weights[t] * (cash + held.sum()) - held
        quantity = amount / (price * np.where(amount > 0.0, 1.0 + commission, 1.0 - commission))
        quantity[weights[t] == 0.0] = -positions[weights[t] == 0.0]
        cash -= float(np.sum(quantity * price + commission * np.abs(quantity) * price))
        positions += quantity
    return float(cash + positions @ close[-1])


@njit
def grid(
    open_: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    n_orders: int,
    step: float,
    cash: float,
    commission: float,
) -> tuple[np.ndarray, int]:
    """P3: per asset, half the orders buy below the first price and half sell above it, `step` apart, one unit each.

    A buy that fills is followed by a sale one level up, a sale by a buy one level down, working from the next bar. The
    book is two counts per level and the best level of each side.

    Returns
    -------
    equity : ndarray [n_bars]
    n_fills : int
    """
    n_bars, n_assets = close.shape
    half = n_orders // 2
    equity = np.empty(n_bars)
    positions = np.zeros(n_assets)
    prices = np.empty((n_assets, 2 * half + 1))
    buys, sells = np.zeros((n_assets, 2 * half + 1), np.int64), np.zeros((n_assets, 2 * half + 1), np.int64)
    best_buy, best_sell = np.full(n_assets, half - 1), np.full(n_assets, half + 1)
    queue = np.empty(4 * half + 2, np.int64)
    n_fills = 0
    for t in range(n_bars):
        for a in range(n_assets):
            if t > 1:
                n = 0
                while best_buy[a] >= 0 and prices[a, best_buy[a]] >= low[t, a]:
                    k = best_buy[a]
                    while buys[a, k] > 0:
                        price = min(open_[t, a], prices[a, k])
                        positions[a] += 1.0
                        cash -= price * (1.0 + commission)
                        buys[a, k] -= 1
                        queue[n] = k + 1
                        n += 1
                    best_buy[a] -= 1
                first = n
                while best_sell[a] <= 2 * half and prices[a, best_sell[a]] <= high[t, a]:
                    k = best_sell[a]
                    while sells[a, k] > 0:
                        price = max(open_[t, a], prices[a, k])
                        positions[a] -= 1.0
                        cash += price * (1.0 - commission)
                        sells[a, k] -= 1
                        queue[n] = -(k - 1)
                        n += 1
                    best_sell[a] += 1
                for j in range(n):
                    if j < first:
                        sells[a, queue[j]] += 1
                        best_sell[a] = min(best_sell[a], queue[j])
                    else:
                        buys[a, -queue[j]] += 1
                        best_buy[a] = max(best_buy[a], -queue[j])
                n_fills += n
            elif t == 1:
                for k in range(2 * half + 1):
                    prices[a, k] = close[t, a] * (1.0 + step * (k - half))
                buys[a, :half] = 1
                sells[a, half + 1 :] = 1
        value = cash
        for a in range(n_assets):
            value += positions[a] * close[t, a]
        equity[t] = value
    return equity, n_fills
