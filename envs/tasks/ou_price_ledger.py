"""The task of `OUPrice` through the engine's ledger: the same signal, costs and optimum, with orders and fills."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from backtester import Account, Bars, Costs, Execution
from backtester.errors import SettingsError
from backtester.kernel.jit import kernel_jit
from envs.core import Autoreset
from envs.faces.single import SingleEnv
from envs.faces.vector import VectorEnv
from envs.random import hashed, normal
from envs.tasks.ou_price import COST, PERSISTENCE, SD
from envs.tasks.positions import CLIP, Switching
from envs.trading.core import TradingCore

LEVEL = 1000.0  # of the price, so that it stays above zero
CASH = 10_000.0
_WIDTH = SD / (1.0 - PERSISTENCE**2) ** 0.5
_MINUTE = 60_000_000_000
_START = 946_684_800_000_000_000  # 2000-01-01


@kernel_jit()
def _walk(seed, out):
    random = np.empty(1, np.uint64)
    random[0] = hashed(seed)
    x = _WIDTH * normal(random)
    for t in range(len(out)):
        out[t] = x
        x = PERSISTENCE * x + SD * normal(random)


@functools.lru_cache(maxsize=2)
def _market(n_bars: int, path_seed: int) -> tuple[Bars, Any]:
    """Return bars that close at 1000 + X, each opening at the last close, and X in standard deviations, [n_bars, 1]."""
    x = np.empty(n_bars)
    _walk(np.uint64(path_seed), x)
    close = LEVEL + x
    opens = np.concatenate((close[:1], close[:-1]))
    stamps = _START + _MINUTE * np.arange(n_bars)
    bars = Bars.from_arrays(
        stamps, opens, np.maximum(opens, close), np.minimum(opens, close), close, symbols="OU", name="OUPriceLedger"
    )
    return bars, (x / _WIDTH)[:, None]


class OUPriceLedgerCore(Switching, TradingCore):
    """The core of `OUPriceLedger`."""

    name = "OUPriceLedger"
    burn_in = 64
    persistence, sd, cost = PERSISTENCE, SD, COST
    edge = PERSISTENCE - 1.0

    def __init__(
        self,
        n: int = 1,
        *,
        n_bars: int = 1_000_000,
        path_seed: int = 0,
        episode_length: int | None = 256,
        autoreset: Autoreset = Autoreset.NEXT_STEP,
        stagger: bool = False,
    ):
        _whole("n_bars", n_bars, 2, 100_000_000)
        _whole("path_seed", path_seed, 0, 2**63 - 1)
        bars, signal = _market(int(n_bars), int(path_seed))
        super().__init__(
            n,
            autoreset=autoreset,
            stagger=stagger,
            bars=bars,
            features=signal,
            scaler="none",
            window=1,
            clip=CLIP,
            account_features=("position",),
            actions="units",
            exposures=(-1.0, 0.0, 1.0),
            reward="pnl",
            reward_scale=CASH,
            episode_length=episode_length,
            cash=CASH,
            costs=Costs(commission_per_unit=COST),
            account=Account(leverage=2.0),
            execution=Execution(fill_at="close"),
        )
        self.settings = {"n_bars": int(n_bars), "path_seed": int(path_seed), "episode_length": episode_length}


def _whole(name: str, value: Any, least: int, most: int) -> None:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not least <= value <= most:
        raise SettingsError(f"OUPriceLedger: {name} must be a whole number from {least} to {most}, found {value!r}")


class OUPriceLedger(SingleEnv):
    """Hold −1, 0 or 1 unit of a price that returns to its mean, and pay for every unit traded: in an account.

    What `OUPrice` says in three lines is done here by the engine: a path of the price is made into bars, orders are
    filled, commissions booked, and the reward is the change of equity. Of the same path it pays the same.

    - Dynamics: bars close at 1000 + X_t, X_{t+1} = 0.9 X_t + ε, ε standard normal; one path of `n_bars`, from
      `path_seed`, shared by all copies. An episode begins at a random bar of it, flat, with 10,000 of cash.
    - Observation, float32 [2]: X_t / 2.294, clipped to [−6, 6], and the position.
    - Action, Discrete(3): 0, 1, 2 hold −1, 0, 1 units (`actions="units"`). The order is filled at the close it was
      decided at, as a market order under `Execution(fill_at="close")`.
    - Reward: the change of equity, which is X_{t+1} − X_t times the position, less ½ per unit traded.
    - Episode: truncated after `episode_length` steps (default 256); never terminates.
    - Optimum: as of `OUPrice`. Short where X ≥ 1.519, long where X ≤ −1.519, and hold in between; 0.12223 per step in
      the long run. The path itself is one sample: with a million bars the mean of the optimal policy over it has a
      standard error of 0.0006, which no number of copies makes smaller. Flat earns 0, which is the baseline.
    - Info: `equity`, `position`, `costs`, `turnover`, as of `Trading`; `reset(options={"start": …, "end": …})` too.
    - Settings: `n_bars`, `path_seed`, `episode_length`, `stagger`.
    """

    core_class = OUPriceLedgerCore


class OUPriceLedgerVector(VectorEnv):
    """Many copies of `OUPriceLedger`."""

    core_class = OUPriceLedgerCore
