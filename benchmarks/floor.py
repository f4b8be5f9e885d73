"""The floor: what a hand-written numba loop needs for the same fills and the same equity curve, and nothing else.

No order table, no fill table, no costs but a commission, one asset, the indicators fused into the loop. An engine
cannot be faster than this without doing less; how many times slower it is says what its generality costs. The rules are
those of docs/timeline.md and docs/accounting.md: decided at close t, filled at open t+1; a target of 100 % is
equity / close at the decision, at the fill cut down to what the cash pays for; a stop that the open has passed fills at
the open; the stop before the target where one bar reaches both.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ENTER = 1
LEAVE = 2


@njit(inline="always")
def _buy(cash: float, wanted: float, price: float, commission: float) -> float:
    """Units bought: `wanted`, or all that the cash pays for, commission included."""
    affordable = cash / (price * (1.0 + commission))
    return wanted if wanted <= affordable * (1.0 + 1e-9) else affordable


@njit
def sma_cross(
    open_: np.ndarray, close: np.ndarray, fast: int, slow: int, cash: float, commission: float
) -> tuple[np.ndarray, int]:
    """W1: all in when the fast average crosses above the slow one, out when below.

    Returns
    -------
    equity : ndarray [n_bars]
        Cash plus position at the close.
    n_fills : int
    """
    n_bars = len(close)
    equity = np.empty(n_bars)
    fast_sum, slow_sum = 0.0, 0.0
    fast_before, slow_before = np.nan, np.nan
    position, wanted, pending, n_fills = 0.0, 0.0, 0, 0
    for t in range(n_bars):
        if pending != 0:
            if pending == ENTER:
                position = _buy(cash, wanted, open_[t], commission)
                cash -= position * open_[t] * (1.0 + commission)
            else:
                cash += position * open_[t] * (1.0 - commission)
                position = 0.0
            n_fills += 1
            pending = 0
        equity[t] = cash + position * close[t]
        fast_sum += close[t]
        slow_sum += close[t]
        if t >= slow - 1:
            fast_now = fast_sum / fast
            slow_now = slow_sum / slow
            if fast_now > slow_now and fast_before <= slow_before and position == 0.0:
                wanted = equity[t] / close[t]
                pending = ENTER
            elif fast_now < slow_now and fast_before >= slow_before and position > 0.0:
                pending = LEAVE
            fast_before, slow_before = fast_now, slow_now
            slow_sum -= close[t - slow + 1]
        if t >= fast - 1:
            fast_sum -= close[t - fast + 1]
    return equity, n_fills


@njit(inline="always")
def _leg_price(open_: float, high: float, low: float, stop: float, target: float) -> float:
    """Price at which a bar fills a long position's stop or target; 0.0 if it reaches neither."""
    if open_ <= stop or open_ >= target:
        return open_
    if low <= stop:
        return stop
    if high >= target:
        return target
    return 0.0


@njit
def sma_bracket(
    open_: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    fast: int,
    slow: int,
    cash: float,
    commission: float,
    stop_loss: float,
    take_profit: float,
) -> tuple[np.ndarray, int]:
    """W2: as W1, and every entry has a stop loss and a take profit, fractions of its price, live on that bar too."""
    n_bars = len(close)
    equity = np.empty(n_bars)
    fast_sum, slow_sum = 0.0, 0.0
    fast_before, slow_before = np.nan, np.nan
    position, wanted, pending, n_fills = 0.0, 0.0, 0, 0
    stop, target = 0.0, 0.0
    for t in range(n_bars):
        if pending == ENTER:
            position = _buy(cash, wanted, open_[t], commission)
            cash -= position * open_[t] * (1.0 + commission)
            stop = open_[t] * (1.0 - stop_loss)
            target = open_[t] * (1.0 + take_profit)
            n_fills += 1
        if position > 0.0:
            price = open_[t] if pending == LEAVE else _leg_price(open_[t], high[t], low[t], stop, target)
            if price > 0.0:
                cash += position * price * (1.0 - commission)
                position = 0.0
                n_fills += 1
        pending = 0
        equity[t] = cash + position * close[t]
        fast_sum += close[t]
        slow_sum += close[t]
        if t >= slow - 1:
            fast_now = fast_sum / fast
            slow_now = slow_sum / slow
            if fast_now > slow_now and fast_before <= slow_before and position == 0.0:
                wanted = equity[t] / close[t]
                pending = ENTER
            elif fast_now < slow_now and fast_before >= slow_before and position > 0.0:
                pending = LEAVE
            fast_before, slow_before = fast_now, slow_now
            slow_sum -= close[t - slow + 1]
        if t >= fast - 1:
            fast_sum -= close[t - fast + 1]
    return equity, n_fills
