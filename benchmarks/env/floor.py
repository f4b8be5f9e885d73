"""The floor: a trading environment written by hand for this one benchmark, and nothing else.

The same timing and arithmetic as `backtester/Trading-v0` with discrete exposures and a commission: act at close t, fill
at open t+1, reward log(E'/E), observe a window of features, the exposure and the unrealised profit. No order, no
account but a number of units and some cash, no check of an action. As exposures change only between half the equity and
none, every fill opens or closes a whole position, and the entry price is the last fill's.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from benchmarks.env.market import CASH, COMMISSION, EPISODE_STEPS, EXPOSURES, WINDOW, Market

_EXPOSURES = np.array(EXPOSURES)
_WINDOW, _LENGTH, _CASH, _COMMISSION = WINDOW, EPISODE_STEPS, CASH, COMMISSION
ROW = np.dtype(
    [("random", "u8"), *((name, "i8") for name in ("t", "last", "steps", "ended"))]
    + [(name, "f8") for name in ("cash", "position", "entry", "equity")]
)


@njit(inline="always")
def _observe(s, panel, close, out):
    at = 0
    for row in range(s.t + 1 - _WINDOW, s.t + 1):
        for column in range(panel.shape[1]):
            out[at] = panel[row, column]
            at += 1
    out[at] = s.position * close[s.t] / s.equity
    out[at + 1] = s.position * (close[s.t] - s.entry) / s.equity


@njit(inline="always")
def _begin(s, n_bars, random_start):
    first = _WINDOW - 1
    s.t = first
    if random_start:
        s.random ^= s.random << np.uint64(13)
        s.random ^= s.random >> np.uint64(7)
        s.random ^= s.random << np.uint64(17)
        s.t = first + np.int64(s.random % np.uint64(n_bars - _LENGTH - first))
    s.last = -1
    s.steps = 0
    s.ended = 0
    s.cash = _CASH
    s.position = 0.0
    s.entry = 0.0
    s.equity = _CASH


@njit(inline="always")
def _step(s, action, open_, close, panel, random_start, observation):
    """One environment, a row of `ROW`; return its reward and whether its episode ended."""
    if s.ended == 1:
        _begin(s, len(close), random_start)
        _observe(s, panel, close, observation)
        return 0.0, False
    if action != s.last:
        target = _EXPOSURES[action] * s.equity / close[s.t]
        quantity = target - s.position
        price = open_[s.t + 1]
        s.cash -= quantity * price + _COMMISSION * abs(quantity) * price
        s.position = target
        s.entry = price
        s.last = action
    s.t += 1
    before = s.equity
    s.equity = s.cash + s.position * close[s.t]
    s.steps += 1
    s.ended = 1 if s.steps == _LENGTH or s.t == len(close) - 1 else 0
    _observe(s, panel, close, observation)
    return math.log(s.equity / before), s.ended == 1


@njit
def step(rows, actions, open_, close, panel, random_start, observation, reward, truncated):
    """Step every environment, on one thread."""
    for e in range(len(rows)):
        reward[e], truncated[e] = _step(rows[e], actions[e], open_, close, panel, random_start, observation[e])


@njit(parallel=True)
def step_with_threads(rows, actions, open_, close, panel, random_start, observation, reward, truncated):
    """Step every environment, on all threads."""
    for e in prange(len(rows)):
        reward[e], truncated[e] = _step(rows[e], actions[e], open_, close, panel, random_start, observation[e])


class Floor:
    """N environments of the hand-written kind.

    Parameters
    ----------
    market : Market
    panel : ndarray of float32, shape (n_bars, 8)
    n : int
    threads : bool
    random_start : bool
        Whether an episode begins anywhere; else at the first bar whose window is full.
    """

    def __init__(self, market: Market, panel: np.ndarray, n: int, threads: bool = False, random_start: bool = True):
        self.rows = np.zeros(n, ROW).view(np.recarray)
        self.rows.random = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        self.rows.ended = 1  # so that the first step begins the episodes
        self.observation = np.zeros((n, WINDOW * panel.shape[1] + 2), np.float32)
        self._kernel = step_with_threads if threads else step
        results = (self.observation, np.zeros(n), np.zeros(n, np.bool_))
        self._rest = (market.open, market.close, panel, random_start, *results)

    def step(self, actions: np.ndarray) -> None:
        """Take one step; actions int64 [n]."""
        self._kernel(self.rows, actions, *self._rest)

    @property
    def equity(self) -> np.ndarray:
        """Equity of every account, float64 [n]."""
        return self.rows.equity.copy()
