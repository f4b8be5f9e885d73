"""Selling a block by a deadline, between market impact and risk: the problem of Almgren and Chriss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from gymnasium import spaces

from backtester.errors import SettingsError
from backtester.kernel.jit import inner_jit
from envs.batch import GOES_ON, TERMINATED
from envs.core import Array, Autoreset
from envs.faces.single import SingleEnv
from envs.faces.vector import VectorEnv
from envs.random import normal
from envs.tasks.solvers.almgren_chriss import Market, objective, optimal_schedule, twap_schedule
from envs.tasks.task import TaskCore

#: table 1 of the paper, with 20 trades where it has 5: money in dollars, time in days
MARKET = Market(
    quantity=1e6,
    periods=20,
    horizon=5.0,
    volatility=0.95,
    permanent=2.5e-7,
    temporary=2.5e-6,
    spread=0.0625,
    risk_aversion=1e-6,
)
UNIT = MARKET.volatility * MARKET.quantity  # of the reward, in dollars: what a day moves the whole block by
FASTEST = 4.0  # times the even pace at which what is left can be sold
CLIP = 6.0

_LEFT, _STEP, _MOVED = 0, 1, 2  # columns of the state: fraction left, trades made, price less the first, in σ√T
_PERIODS, _PERIOD = 0, 1  # parameters: N and τ
_WIDTH = MARKET.volatility * MARKET.horizon**0.5
_VOLATILITY = MARKET.volatility
_BLOCK = MARKET.quantity
_PERMANENT, _TEMPORARY, _SPREAD, _RISK = MARKET.permanent, MARKET.temporary, MARKET.spread, MARKET.risk_aversion
_UNIT = UNIT


@inner_jit
def _begin(state, parameters, random):
    state[_LEFT] = 1.0
    state[_STEP] = 0.0
    state[_MOVED] = 0.0


@inner_jit
def _move(state, parameters, random, action):
    periods, period = parameters[_PERIODS], parameters[_PERIOD]
    even = 1.0 / (periods - state[_STEP])
    state[_STEP] += 1.0
    last = state[_STEP] == periods
    left = 0.0 if last else state[_LEFT] * max(0.0, 1.0 - 0.5 * FASTEST * (1.0 + action[0]) * even)
    sold, held = _BLOCK * (state[_LEFT] - left), _BLOCK * left
    change = _VOLATILITY * np.sqrt(period) * normal(random) - _PERMANENT * sold
    shortfall = sold * (_SPREAD + _TEMPORARY * sold / period) - held * change
    state[_LEFT] = left
    state[_MOVED] += change / _WIDTH
    risk = _RISK * _VOLATILITY * _VOLATILITY * period * held * held
    return -(shortfall + risk) / _UNIT, TERMINATED if last else GOES_ON


@inner_jit
def _observe(state, parameters, out):
    out[0] = 2.0 * state[_LEFT] - 1.0
    out[1] = 1.0 - 2.0 * state[_STEP] / parameters[_PERIODS]
    out[2] = min(CLIP, max(-CLIP, state[_MOVED]))


class ExecutionCore(TaskCore):
    """The core of `Execution`."""

    name = "Execution"
    begin, move, observe = staticmethod(_begin), staticmethod(_move), staticmethod(_observe)
    n_state = 3
    per_episode = True

    def __init__(
        self,
        n: int = 1,
        *,
        episode_length: int = MARKET.periods,
        autoreset: Autoreset = Autoreset.NEXT_STEP,
        stagger: bool = False,
    ):
        if episode_length is None:
            raise SettingsError("Execution: episode_length is the number of trades before the deadline, found None")
        high = np.array([1.0, 1.0, CLIP], np.float32)
        super().__init__(
            n,
            observation_space=spaces.Box(-high, high, dtype=np.float32),
            action_space=spaces.Box(-1.0, 1.0, (1,), np.float32),
            parameters=np.zeros(2),
            episode_length=episode_length,
            autoreset=autoreset,
            stagger=stagger,
            settings={"episode_length": episode_length},
        )
        self.market = replace(MARKET, periods=episode_length)
        self.parameters[:] = float(episode_length), self.market.period

    def optimal_policy(self) -> Callable[[Array], Array]:
        """Return the policy that sells, of what is left, the fraction that the optimal schedule sells then."""
        return self._follow(optimal_schedule(self.market))

    def optimal_value(self) -> float:
        """Return the mean return per episode of the optimum."""
        return -objective(self.market, optimal_schedule(self.market)) / UNIT

    def baseline_value(self) -> float:
        """Return the mean return per episode of selling evenly (TWAP)."""
        return -objective(self.market, twap_schedule(self.market)) / UNIT

    def baseline_policy(self) -> Callable[[Array], Array]:
        """Return the policy that sells evenly (TWAP), in the form of `optimal_policy`."""
        return self._follow(twap_schedule(self.market))

    def _follow(self, schedule: Array) -> Callable[[Array], Array]:
        """Return the policy that sells the fractions of a schedule; with quadratic costs they hold for any rest."""
        periods = self.market.periods
        pace = (1.0 - schedule[1:] / schedule[:-1]) * np.arange(periods, 0, -1)  # in times the even one
        action = np.clip(2.0 * pace / FASTEST - 1.0, -1.0, 1.0).astype(np.float32)

        def policy(observation: Array) -> Array:
            made = np.rint(0.5 * (1.0 - observation[:, 1]) * periods).astype(np.int64)
            return action[np.minimum(made, periods - 1)][:, None]  # after the last trade, any

        return policy


class Execution(SingleEnv):
    """Sell a million shares in five days, in N = 20 trades, for little impact and little risk.

    - Dynamics: the price starts at S_0; trade k sells n_k at S_{k−1} − ε − η n_k/τ, then the price moves by
      σ√τ Z_k − γ n_k, Z_k standard normal. σ = $0.95 per √day, τ = 5/N days, γ = 2.5·10⁻⁷, η = 2.5·10⁻⁶, ε = $0.0625.
    - Observation, float32 [3]: 2 x/X − 1 for x shares left of X; 1 − 2 k/N after k trades; the price less S_0, in
      units of σ√(5 days), clipped to [−6, 6]. The price is a martingale but for the impact: it tells nothing of use.
    - Action, Box(−1, 1, (1,)): a sells what is left at 2 (1 + a) times the even pace: of x shares and with j trades to
      go, 2 (1 + a) x/j, but x at most. So −1 waits and −½ sells evenly. The last trade sells all.
    - Reward: −(shortfall + λ σ² τ x_k²) / (σX), with x_k left after the trade. The shortfall is what the trade brings
      less than at the price before, plus what the shares held lose with the price: over an episode it adds up to X S_0
      less what the sale brought. λ = 10⁻⁶ per dollar; the unit is $950,000, what one day moves the block by.
    - Episode: terminates with the last trade.
    - Optimum: x_k = X sinh(κ(T − kτ))/sinh(κT), κ = 0.604 per day, whatever the price does; −1.6618 per episode.
      Selling evenly (TWAP) returns −2.1837, which is the baseline: score = (J + 2.1837)/0.5218. Values are per episode.
    - Settings: `episode_length`, N (default 20, for which the figures hold); `stagger`, with which the first episode is
      truncated early.

    As the risk is charged on what is held, step by step, no policy does better by reacting to the price. (It would for
    E + λV of the final shortfall, where V is that of an adaptive policy.)

    Source: R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3, 2000.
    """

    core_class = ExecutionCore


class ExecutionVector(VectorEnv):
    """Many copies of `Execution`."""

    core_class = ExecutionCore
