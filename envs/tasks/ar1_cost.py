"""Returns that follow each other under a proportional cost: a weak signal that lasts one step."""

from __future__ import annotations

from backtester.kernel.jit import inner_jit
from envs.batch import GOES_ON
from envs.faces.single import SingleEnv
from envs.faces.vector import VectorEnv
from envs.random import normal
from envs.tasks.positions import CLIP, POSITION, SIGNAL, PositionsCore

PERSISTENCE = 0.2  # φ
COST = 0.1  # c, in standard deviations of a return, per unit traded
_SD = (1.0 - PERSISTENCE**2) ** 0.5  # of the innovations: returns have standard deviation 1


@inner_jit
def _begin(state, parameters, random):
    state[SIGNAL] = normal(random)
    state[POSITION] = 0.0


@inner_jit
def _move(state, parameters, random, action):
    before = state[POSITION]
    position = action[0] - 1.0
    state[POSITION] = position
    state[SIGNAL] = PERSISTENCE * state[SIGNAL] + _SD * normal(random)
    return position * state[SIGNAL] - COST * abs(position - before), GOES_ON


@inner_jit
def _observe(state, parameters, out):
    out[0] = min(CLIP, max(-CLIP, state[SIGNAL]))
    out[1] = state[POSITION]


class AR1CostCore(PositionsCore):
    """The core of `AR1Cost`."""

    name = "AR1Cost"
    begin, move, observe = staticmethod(_begin), staticmethod(_move), staticmethod(_observe)
    burn_in = 16
    persistence, sd, edge, cost = PERSISTENCE, _SD, PERSISTENCE, COST


class AR1Cost(SingleEnv):
    """Hold −1, 0 or 1 unit of an asset whose returns are correlated with the last one, and pay for every unit traded.

    - Dynamics: return r_{t+1} = 0.2 r_t + √0.96 ε, ε standard normal, so that r has standard deviation 1; an episode
      begins with r from that law and no position.
    - Observation, float32 [2]: r_t, the last return, clipped to [−6, 6], and the position x_{t−1}.
    - Action, Discrete(3): 0, 1, 2 hold x_t = −1, 0, 1 until the next step.
    - Reward: x_t r_{t+1} − 0.1 |x_t − x_{t−1}|.
    - Episode: truncated after `episode_length` steps (default 256); never terminates.
    - Optimum: long where r ≥ 0.4637, short where r ≤ −0.4637, and hold in between; 0.09012 per step in the long run.
      The greedy policy waits for |r| ≥ 0.5 and earns 0.09002. Flat earns 0, which is the baseline: score = J / 0.09012.
    - Settings: `episode_length`, `stagger`.

    Source: J. de Lataillade, C. Deremble, M. Potters and J.-P. Bouchaud, "Optimal Trading with Linear Costs", Journal
    of Investment Strategies 1, 2012; solved in `envs.tasks.solvers.switching`.
    """

    core_class = AR1CostCore


class AR1CostVector(VectorEnv):
    """Many copies of `AR1Cost`."""

    core_class = AR1CostCore
