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
T, LAST, STEPS, ENDED = range(4)  # columns of the whole numbers of an account …
MONEY, POSITION, ENTRY, EQUITY = range(4)  # … and of the others


@njit
def _observe(whole, real, panel, close, out):
    t = whole[T]
    at = 0
    for row in range(t + 1 - _WINDOW, t + 1):
        for column in range(panel.shape[1]):
            out[at] = panel[row, column]
            at += 1
    out[at] = real[POSITION] * close[t] / real[EQUITY]
    out[at + 1] = real[POSITION] * (close[t] - real[ENTRY]) / real[EQUITY]


@njit
def _begin(whole, real, random, n_bars, random_start):
    whole[:] = 0
    whole[T] = _WINDOW - 1
    if random_start:
        z = random[0]
        z ^= z << np.uint64(13)
        z ^= z >> np.uint64(7)
        z ^= z << np.uint64(17)
        random[0] = z
        whole[T] += np.int64(z % np.uint64(n_bars - _LENGTH - _WINDOW + 1))
    whole[LAST] = -1
    real[:] = 0.0
    real[MONEY] = _CASH
    real[EQUITY] = _CASH


@njit
def _step(whole, real, random, action, open_, close, panel, random_start, observation):
    """One account: its numbers, its random state (array of one). Return its reward and whether its episode ended."""
    if whole[ENDED] == 1:
        _begin(whole, real, random, len(close), random_start)
        _observe(whole, real, panel, close, observation)
        return 0.0, False
    t = whole[T]
    before = real[EQUITY]
    if action != whole[LAST]:
        target = _EXPOSURES[action] * before / close[t]
        quantity = target - real[POSITION]
        price = open_[t + 1]
        real[MONEY] -= quantity * price + _COMMISSION * abs(quantity) * price
        real[POSITION] = target
        real[ENTRY] = price
        whole[LAST] = action
    whole[T] = t + 1
    whole[STEPS] += 1
    whole[ENDED] = 1 if whole[STEPS] == _LENGTH or t + 1 == len(close) - 1 else 0
    real[EQUITY] = real[MONEY] + real[POSITION] * close[t + 1]
    _observe(whole, real, panel, close, observation)
    return math.log(real[EQUITY] / before), whole[ENDED] == 1


@njit
def step(whole, real, random, actions, open_, close, panel, random_start, observation, reward, truncated):
    """Step every account, on one thread."""
    for e in range(len(whole)):
        reward[e], truncated[e] = _step(
            whole[e], real[e], random[e : e + 1], actions[e], open_, close, panel, random_start, observation[e]
        )


@njit(parallel=True)
def step_with_threads(whole, real, random, actions, open_, close, panel, random_start, observation, reward, truncated):
    """Step every account, on all threads."""
    for e in prange(len(whole)):
        reward[e], truncated[e] = _step(
            whole[e], real[e], random[e : e + 1], actions[e], open_, close, panel, random_start, observation[e]
        )


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
        self.whole, self.real = np.zeros((n, 4), np.int64), np.zeros((n, 4))
        self.whole[:, ENDED] = 1  # so that the first step begins the episodes
        random = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        self.observation = np.zeros((n, WINDOW * panel.shape[1] + 2), np.float32)
        self._kernel = step_with_threads if threads else step
        self._own = self.whole, self.real, random
        self._rest = market.open, market.close, panel, random_start, self.observation, np.zeros(n), np.zeros(n, np.bool_)

    def step(self, actions: np.ndarray) -> None:
        """Take one step; actions int64 [n]."""
        self._kernel(*self._own, actions, *self._rest)

    @property
    def equity(self) -> np.ndarray:
        """Equity of every account, float64 [n]."""
        return self.real[:, EQUITY].copy()
