"""`OUPrice` through the ledger: the same dynamics and the same optimum, in an account of the engine."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from backtester.bars import Bars
from backtester.costs import Account, Costs, Execution
from backtester.errors import SettingsError
from backtester.kernel.jit import kernel_jit
from backtester.signals import External, Features
from envs.core import Array, Autoreset
from envs.faces.single import SingleEnv
from envs.faces.vector import VectorEnv
from envs.random import normal, seed_generators
from envs.tasks.ou_price import COST, PERSISTENCE, SD, OUPriceCore
from envs.tasks.positions import CLIP
from envs.trading.core import TradingCore

LEVEL = 1000.0  # what is added to the price, so that the ledger sees no negative one
CASH = 10_000.0
_WIDTH = SD / (1.0 - PERSISTENCE**2) ** 0.5
_MINUTE = 60_000_000_000  # ns


class OUPriceLedgerCore(TradingCore):
    """The core of `OUPriceLedger`."""

    name = "OUPriceLedger"
    per_episode = False
    burn_in = OUPriceCore.burn_in

    def __init__(
        self,
        n: int = 1,
        *,
        episode_length: int | None = 256,
        n_bars: int = 200_000,
        market_seed: int = 0,
        autoreset: Autoreset = Autoreset.NEXT_STEP,
        stagger: bool = False,
    ):
        for name, value, least in (("n_bars", n_bars, 1000), ("market_seed", market_seed, 0)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise SettingsError(f"OUPriceLedger: {name} must be a whole number from {least} on, found {value!r}")
        bars = _market(int(n_bars), int(market_seed))
        super().__init__(
            n,
            autoreset=autoreset,
            stagger=stagger,
            bars=bars,
            features=Features([External((bars.close[:, 0] - LEVEL) / _WIDTH, "price")]),
            scaler="none",
            clip=CLIP,
            window=1,
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
        self.settings = {"episode_length": episode_length, "n_bars": int(n_bars), "market_seed": int(market_seed)}
        self._unbounded = OUPriceCore(1)

    def optimal_policy(self) -> Callable[[Array], Array]:
        """Return the optimal policy of `OUPrice`, which sees the same observation."""
        return self._unbounded.optimal_policy()

    def optimal_value(self) -> float:
        """Return the mean reward per step of the optimum, in the long run: that of `OUPrice`."""
        return self._unbounded.optimal_value()

    def greedy_policy(self) -> Callable[[Array], Array]:
        """Return the greedy policy of `OUPrice`."""
        return self._unbounded.greedy_policy()

    def greedy_value(self) -> float:
        """Return the mean reward per step of the greedy policy."""
        return self._unbounded.greedy_value()

    def baseline_value(self) -> float:
        """Return what staying flat earns: nothing."""
        return 0.0


@functools.lru_cache(maxsize=2)
def _market(n_bars: int, seed: int) -> Bars:
    """Return bars whose four prices are a path of the process, plus `LEVEL`."""
    path = np.empty(n_bars)
    _write_path(path, seed)
    prices = (path + LEVEL)[:, None]
    return Bars.from_arrays(
        timestamps=_MINUTE * np.arange(1, n_bars + 1),
        open=prices,
        high=prices,
        low=prices,
        close=prices,
        volume=np.full_like(prices, 1e6),
        symbols=["OU"],
        name="OUPriceLedger",
    )


@kernel_jit()
def _write_path(path, seed):
    random = np.zeros(1, np.uint64)
    seed_generators(random, np.array([np.uint64(seed)]), np.ones(1, np.bool_))
    x = _WIDTH * normal(random)
    for t in range(path.shape[0]):
        path[t] = x
        x = PERSISTENCE * x + SD * normal(random)


class OUPriceLedger(SingleEnv):
    """`OUPrice` in an account of the engine: matching, commission and marks are those of a backtest.

    - Dynamics: price 1000 + X_t, X as in `OUPrice`: one path of `n_bars` bars, drawn from `market_seed`; the four prices
      of a bar are one. Commission ½ per unit; orders fill at the close at which they are sent.
    - Observation, float32 [2]: X_t / 2.294, clipped to [−6, 6], and the position x_{t−1}.
    - Action, Discrete(3): 0, 1, 2 hold −1, 0, 1 units until the next step.
    - Reward: the change of equity, which is x_t (X_{t+1} − X_t) − ½ |x_t − x_{t−1}|. Cash 10,000 at the start.
    - Episode: begins at a random bar, flat; truncated after `episode_length` steps (default 256).
    - Optimum: that of `OUPrice`, 0.12223 per step; flat earns 0, which is the baseline. The path is finite: on 200,000
      bars the optimal policy earns that within 1 % or so.
    - Settings: `episode_length`, `n_bars`, `market_seed`, `stagger`.

    Source: as for `OUPrice`.
    """

    core_class = OUPriceLedgerCore


class OUPriceLedgerVector(VectorEnv):
    """Many copies of `OUPriceLedger`."""

    core_class = OUPriceLedgerCore
