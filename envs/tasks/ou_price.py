"""A mean-reverting price under a proportional cost: when is it worth turning round?"""

from __future__ import annotations

from backtester.kernel.jit import inner_jit
from envs.batch import GOES_ON
from envs.faces.single import SingleEnv
from envs.faces.vector import VectorEnv
from envs.random import normal
from envs.tasks.positions import CLIP, POSITION, SIGNAL, PositionsCore

PERSISTENCE, SD = 0.9, 1.0  # ρ, σ
COST = 0.5  # c, per unit traded
_WIDTH = SD / (1.0 - PERSISTENCE**2) ** 0.5  # standard deviation of the price itself, 2.294


@inner_jit
def _begin(state, parameters, random):
    state[SIGNAL] = _WIDTH * normal(random)
    state[POSITION] = 0.0


@inner_jit
def _move(state, parameters, random, action):
    before, price = state[POSITION], state[SIGNAL]
    position = action[0] - 1.0
    state[POSITION] = position
    state[SIGNAL] = PERSISTENCE * price + SD * normal(random)
    return position * (state[SIGNAL] - price) - COST * abs(position - before), GOES_ON


@inner_jit
def _observe(state, parameters, out):
    out[0] = min(CLIP, max(-CLIP, state[SIGNAL] / _WIDTH))
    out[1] = state[POSITION]


class OUPriceCore(PositionsCore):
    """The core of `OUPrice`."""

    name = "OUPrice"
    begin, move, observe = staticmethod(_begin), staticmethod(_move), staticmethod(_observe)
    burn_in = 64
    persistence, sd, cost = PERSISTENCE, SD, COST
    edge = PERSISTENCE - 1.0  # the expected change of the price is (ρ − 1) X


class OUPrice(SingleEnv):
    """Hold −1, 0 or 1 unit of a price that returns to its mean, and pay for every unit traded.

    - Dynamics: price X_{t+1} = 0.9 X_t + ε, ε standard normal (an Ornstein–Uhlenbeck process seen at equal steps), of
      standard deviation 2.294; an episode begins with X from that law and no position.
    - Observation, float32 [2]: X_t / 2.294, clipped to [−6, 6], and the position x_{t−1}.
    - Action, Discrete(3): 0, 1, 2 hold x_t = −1, 0, 1 until the next step.
    - Reward: x_t (X_{t+1} − X_t) − ½ |x_t − x_{t−1}|.
    - Episode: truncated after `episode_length` steps (default 256); never terminates.
    - Optimum: short where X ≥ 1.519, long where X ≤ −1.519, and hold in between; 0.12223 per step in the long run. The
      greedy policy waits for |X| ≥ 5 and earns 0.0408. Flat earns 0, which is the baseline: score = J / 0.12223.
    - Settings: `episode_length`, `stagger`.

    Source: J. de Lataillade, C. Deremble, M. Potters and J.-P. Bouchaud, "Optimal Trading with Linear Costs", Journal
    of Investment Strategies 1, 2012; solved in `envs.tasks.solvers.switching`.
    """

    core_class = OUPriceCore


class OUPriceVector(VectorEnv):
    """Many copies of `OUPrice`."""

    core_class = OUPriceCore
