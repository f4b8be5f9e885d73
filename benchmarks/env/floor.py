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


@njit(error_model="numpy")
def _observe(e, whole, real, panel, close, out):
    t = whole[e, T]
    at = 0
    for row in range(t + 1 - _WINDOW, t + 1):
        for column in range(panel.shape[1]):
            out[e, at] = panel[row, column]
            at += 1
    out[e, at] = real[e, POSITION] * close[t] / real[e, EQUITY]
    out[e, at + 1] = real[e, POSITION] * (close[t] - real[e, ENTRY]) / real[e, EQUITY]


@njit(error_model="numpy")
def _begin(e, whole, real, random, n_bars, random_start):
    start = _WINDOW - 1
    if random_start:
        z = random[e]
        z ^= z << np.uint64(13)
        z ^= z >> np.uint64(7)
        z ^= z << np.uint64(17)
        random[e] = z
        start += np.int64(z % np.uint64(n_bars - _LENGTH - _WINDOW + 1))
    whole[e, T], whole[e, LAST], whole[e, STEPS], whole[e, ENDED] = start, -1, 0, 0
    real[e, MONEY], real[e, POSITION], real[e, ENTRY], real[e, EQUITY] = _CASH, 0.0, 0.0, _CASH


@njit(error_model="numpy")
def _step(e, whole, real, random, actions, open_, close, panel, random_start, observation, reward, truncated):
    """Step account e."""
    if whole[e, ENDED] == 1:
        _begin(e, whole, real, random, len(close), random_start)
        _observe(e, whole, real, panel, close, observation)
        reward[e], truncated[e] = 0.0, False
        return
    t = whole[e, T]
    before = real[e, EQUITY]
    action = actions[e]
    if action != whole[e, LAST]:
        target = _EXPOSURES[action] * before / close[t]
        quantity = target - real[e, POSITION]
        price = open_[t + 1]
        real[e, MONEY] -= quantity * price + _COMMISSION * abs(quantity) * price
        real[e, POSITION], real[e, ENTRY] = target, price
        whole[e, LAST] = action
    equity = real[e, MONEY] + real[e, POSITION] * close[t + 1]
    ended = whole[e, STEPS] + 1 == _LENGTH or t + 1 == len(close) - 1
    whole[e, T], whole[e, STEPS], whole[e, ENDED] = t + 1, whole[e, STEPS] + 1, 1 if ended else 0
    real[e, EQUITY] = equity
    _observe(e, whole, real, panel, close, observation)
    reward[e], truncated[e] = math.log(equity / before), ended


@njit(error_model="numpy")
def step(whole, real, random, actions, open_, close, panel, random_start, observation, reward, truncated):
    """Step every account, on one thread."""
    for e in range(len(whole)):
        _step(e, whole, real, random, actions, open_, close, panel, random_start, observation, reward, truncated)


@njit(error_model="numpy", parallel=True)
def step_with_threads(whole, real, random, actions, open_, close, panel, random_start, observation, reward, truncated):
    """Step every account, on all threads."""
    for e in prange(len(whole)):
        _step(e, whole, real, random, actions, open_, close, panel, random_start, observation, reward, truncated)


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
        self._rest = (
            market.open,
            market.close,
            panel,
            random_start,
            self.observation,
            np.zeros(n),
            np.zeros(n, np.bool_),
        )

    def step(self, actions: np.ndarray) -> None:
        """Take one step; actions int64 [n]."""
        self._kernel(*self._own, actions, *self._rest)

    @property
    def equity(self) -> np.ndarray:
        """Equity of every account, float64 [n]."""
        return self.real[:, EQUITY].copy()
