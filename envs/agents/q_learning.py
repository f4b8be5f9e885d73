"""Tabular Q-learning: one number for each cell of the observations and each action, moved a little by every step.

The observation is cut into cells. Q[s, a] estimates what action a in cell s is worth: the expected sum of the rewards
to come, each step's discounted by γ, if the best known actions follow. A step from s by a to s' with reward r moves it:

    Q[s, a] += α · (r + γ · max Q[s', ·] − Q[s, a]),    α = N[s, a]^−ω,

where N counts the visits of the entry, so that α falls, and early guesses are forgotten. An episode that terminated in
s' has r alone in the brackets; one that a limit of time cut has not terminated. The rule does not ask who chose a: it
learns the best policy from any behaviour that tries everything (here, random with probability ε, which falls).

With few dimensions and little to generalise it is hard to beat, and it says what a network has to reach. It knows
nothing between its cells, and their number grows as a power of the dimensions.

Sources: Christopher Watkins and Peter Dayan, "Q-learning", Machine Learning 8 (1992), 279-292, the rule and its
convergence; Eyal Even-Dar and Yishay Mansour, "Learning Rates for Q-learning", JMLR 5 (2003), 1-25, the fall of α: a
power ω between 1/2 and 1, best near 0.85.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from gymnasium import spaces

from backtester.kernel.jit import inner_jit, kernel_jit
from envs.agents.learner import Learner, rate_at
from envs.agents.policy import Policy, policy_kind
from envs.errors import BundleError, TrainingError
from envs.random import integer, seed_generators, uniform

MOST_ENTRIES = 10_000_000  # of a table: 80 MB of values


@policy_kind
class TablePolicy(Policy):
    """A learnt table, and how observations are cut into its cells.

    Parameters
    ----------
    cells : array [d], int64
        The number of cells of each dimension of the observation.
    edges : array [Σ(cells − 1)], float32
        Where the cells of each dimension meet, ascending, one dimension after the other. An edge belongs to the cell
        above it; the first and last cells reach to infinity.
    values : array [Π cells, n_actions], float64
        Q, the cells counted in row-major order.
    epsilon : float
        The probability of a random action, where actions are drawn.
    """

    kind = "table"

    def __init__(self, cells: np.ndarray, edges: np.ndarray, values: np.ndarray, epsilon: float):
        self.cells, self.edges, self.values, self.epsilon = cells, edges, values, epsilon

    def act(self, observations: np.ndarray, deterministic: bool, generator: np.ndarray) -> np.ndarray:
        """Return the best known actions, of equals the first; drawn ones are random with probability `epsilon`.

        See `Policy.act`.
        """
        cell = np.empty(len(observations), np.int64)
        find_cells(observations, self.cells, self.edges, cell)
        action = np.empty(len(observations), np.int64)
        choose(self.values, cell, 0.0 if deterministic else self.epsilon, generator, action)
        return action

    def arrays(self) -> dict[str, np.ndarray]:
        """Return `cells`, `edges` and `values`."""
        return {"cells": self.cells, "edges": self.edges, "values": self.values}

    def describe(self) -> dict[str, Any]:
        """Return `epsilon`."""
        return {"epsilon": self.epsilon}

    @classmethod
    def restore(
        cls, description: dict[str, Any], arrays: dict[str, np.ndarray], observations: spaces.Box, actions: spaces.Space
    ) -> TablePolicy:
        """Return the policy that `describe()` and `arrays()` tell of; see `Policy.restore`."""
        epsilon = description.get("epsilon")
        if not isinstance(epsilon, float | int) or not 0.0 <= epsilon <= 1.0:
            raise BundleError(f"a table has epsilon {epsilon!r}; it has to be a number in [0, 1]")
        if not isinstance(actions, spaces.Discrete) or actions.start != 0:
            raise BundleError(f"a table does not act in {actions}; it needs Discrete actions from 0")
        wanted = {"cells": np.int64, "edges": np.float32, "values": np.float64}
        found = {name: array.dtype for name, array in arrays.items()}
        if found != {name: np.dtype(dtype) for name, dtype in wanted.items()}:
            raise BundleError(f"a table has the arrays {found}, and must have {wanted}")
        cells, edges, values = (np.ascontiguousarray(arrays[name]) for name in wanted)
        if cells.shape != observations.shape or (cells < 1).any():
            raise BundleError(f"a table of {cells} cells does not cover observations of shape {observations.shape}")
        shapes = (int((cells - 1).sum()),), (int(np.prod(cells, dtype=object)), int(actions.n))
        if (edges.shape, values.shape) != shapes:
            raise BundleError(
                f"a table of {cells} cells and {actions.n} actions needs edges and values of shapes {shapes}; "
                f"these have {edges.shape} and {values.shape}"
            )
        for part in np.split(edges, np.cumsum(cells - 1)[:-1]):
            if not (np.diff(part) > 0).all():
                raise BundleError(f"the edges of a dimension of a table do not ascend: {part}")
        return cls(cells, edges, values, float(epsilon))


class QLearning(Learner):
    """Learn a `TablePolicy` on discrete actions.

    The cells come from the observations that random actions meet at first: a dimension with at most `bins` different
    values has a cell for each, any other has `bins` cells that are met equally often.

    Parameters
    ----------
    algorithm, venv, seed, total_timesteps
        See `envs.agents.training.Training`. The steps that find the cells are counted.
    hyperparameters : dict
        `gamma`: the discount γ. `power`: ω, with which α falls. `learning_rate`: α falls no lower; a number or a
        schedule. `bins`: cells of a dimension, at most. `sample_steps`: random steps that find the cells.
        `exploration_initial_eps`, `exploration_final_eps`, `exploration_fraction`: ε falls from the first to the second
        in a straight line, over this fraction of all steps. `slice_steps`: steps of one `update`; without effect on
        what is learnt. `reward_scale`: rewards, and so the table, are multiplied by it.

    Raises
    ------
    TrainingError
        The table would have more than `MOST_ENTRIES` entries, or an observation has a NaN.
    """

    def __init__(self, algorithm: str, venv: Any, hyperparameters: dict[str, Any], seed: int, total_timesteps: int):
        super().__init__(algorithm, venv, hyperparameters, seed, total_timesteps)
        self.settings = SimpleNamespace(**hyperparameters)
        if self.settings.sample_steps >= total_timesteps:
            raise TrainingError(
                f"{algorithm}: sample_steps is {self.settings.sample_steps:,} of {total_timesteps:,} timesteps in all; "
                "it must be less, as nothing is learnt before the cells are found"
            )
        self.random = np.zeros(1, np.uint64)
        seed_generators(self.random, np.array([seed % 2**64], np.uint64), np.ones(1, np.bool_))
        self.cells = np.ones(venv.observation_space.shape[0], np.int64)  # a single one, until they are found
        self.edges = np.empty(0, np.float32)
        self.values = np.zeros((1, int(venv.action_space.n)))
        self.visits = np.zeros(self.values.shape, np.int64)
        self._found = False

    @property
    def epsilon(self) -> float:
        """The probability of a random action now."""
        first, last = self.settings.exploration_initial_eps, self.settings.exploration_final_eps
        over = self.settings.exploration_fraction
        return first + (last - first) * (min(self.progress / over, 1.0) if over > 0.0 else 1.0)

    def update(self) -> dict[str, float]:
        """Take `slice_steps` steps, and move the table by each.

        Returns
        -------
        dict
            `epsilon`; `visited`, the fraction of the entries that were ever visited; `error`, the root of the mean
            square of r + γ · max Q[s', ·] − Q[s, a] over the slice.
        """
        if not self._found:
            self._find_cells()
        s, last = self.settings, min(self.steps + self.settings.slice_steps, self.total_timesteps)
        action, squares, count = np.empty(self.n, np.int64), 0.0, 0
        cell = self._cells_of(self.observation)
        while self.steps < last:
            choose(self.values, cell, self.epsilon, self.random, action)
            following, reward, terminated, cut_off = self.step(action)
            least = rate_at(s.learning_rate, self.progress)
            next_cell = self._cells_of(following)
            squares += learn_steps(
                self.values, self.visits, cell, action, reward, next_cell, terminated, s.gamma, s.power, least
            )
            count += self.n
            began_anew = terminated.any() or cut_off.any()
            cell = self._cells_of(self.observation) if began_anew else next_cell
        error = float(np.sqrt(squares / max(count, 1)))
        return {"epsilon": self.epsilon, "visited": float((self.visits > 0).mean()), "error": error}

    def policy(self) -> TablePolicy:
        """Return the table as it is now, with the cells it has."""
        return TablePolicy(self.cells, self.edges, self.values.copy(), self.settings.exploration_final_eps)

    def _find_cells(self) -> None:
        """Take random steps, cut what they met into cells, and begin an empty table."""
        seen, action = [self.observation.copy()], np.empty(self.n, np.int64)
        nowhere = np.zeros(self.n, np.int64)
        while len(seen) * self.n < self.settings.sample_steps:
            choose(self.values, nowhere, 1.0, self.random, action)
            self.step(action)
            seen.append(self.observation.copy())
        edges = [cut(column, self.settings.bins) for column in np.concatenate(seen).T]
        self.cells = np.array([len(edge) + 1 for edge in edges], np.int64)
        self.edges = np.concatenate(edges)
        n_cells, n_actions = int(np.prod(self.cells, dtype=object)), self.values.shape[1]
        if n_cells * n_actions > MOST_ENTRIES:
            raise TrainingError(
                f"{self.algorithm}: {' x '.join(map(str, self.cells))} cells of {n_actions} actions make "
                f"{n_cells * n_actions:,} entries; at most {MOST_ENTRIES:,} are held, of which few would be met; "
                "ask for fewer bins, or use 'dqn' where there are many dimensions"
            )
        self.values, self.visits = np.zeros((n_cells, n_actions)), np.zeros((n_cells, n_actions), np.int64)
        self._found = True

    def _cells_of(self, observation: np.ndarray) -> np.ndarray:
        cell = np.empty(self.n, np.int64)
        find_cells(observation, self.cells, self.edges, cell)
        return cell

    def get_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the table, its visits, the generator, and what every learner remembers."""
        arrays, facts = super().get_state()
        own = {name: getattr(self, name).copy() for name in _STATE}
        return arrays | own, facts | {"found": self._found}

    def set_state(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """Go back to what `get_state` returned."""
        super().set_state(arrays, facts)
        for name in _STATE:
            setattr(self, name, arrays[name].copy())
        self._found = facts["found"]


_STATE = ("cells", "edges", "values", "visits", "random")


def cut(column: np.ndarray, most: int) -> np.ndarray:
    """Return the edges, float32 and ascending, that cut the values met into at most `most` cells."""
    different = np.unique(column)
    if len(different) <= most:
        return ((different[1:] + different[:-1]) / 2).astype(np.float32)
    return np.unique(np.quantile(column, np.arange(1, most) / most).astype(np.float32))


@kernel_jit()
def find_cells(observations, cells, edges, out):
    """Write the cell of each row of observations [n, d], finite numbers, to out [n]; see `TablePolicy`."""
    for i in range(observations.shape[0]):
        cell, first = 0, 0
        for j in range(cells.shape[0]):
            below = 0
            for k in range(first, first + cells[j] - 1):
                below += 1 if observations[i, j] >= edges[k] else 0
            cell = cell * cells[j] + below
            first += cells[j] - 1
        out[i] = cell


@inner_jit
def best_of(values, cell):
    """Return the action of the largest value in a cell; of equals, the first."""
    best = 0
    for action in range(1, values.shape[1]):
        if values[cell, action] > values[cell, best]:
            best = action
    return best


@kernel_jit()
def choose(values, cell, epsilon, random, out):
    """Write an action for each cell [n] to out [n]: a random one with probability epsilon, else the best known."""
    for i in range(cell.shape[0]):
        if epsilon > 0.0 and uniform(random) < epsilon:
            out[i] = integer(random, values.shape[1])
        else:
            out[i] = best_of(values, cell[i])


@kernel_jit()
def learn_steps(values, visits, cell, action, reward, following, terminated, gamma, power, least):
    """Move values and visits, in place, by n steps, one after the other; return the sum of the squared errors.

    The arrays of steps are [n]; `following` are the cells that the actions led to, `least` is the least α.
    """
    squares = 0.0
    for i in range(cell.shape[0]):
        s, a, target = cell[i], action[i], reward[i]
        if not terminated[i]:
            target += gamma * values[following[i], best_of(values, following[i])]
        visits[s, a] += 1
        error = target - values[s, a]
        values[s, a] += max(visits[s, a] ** -power, least) * error
        squares += error * error
    return squares
