"""What the tasks share that hold −1, 0 or 1 against an AR(1) signal under a proportional cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from gymnasium import spaces

from envs.core import Array, Autoreset
from envs.tasks.solvers.switching import ThresholdPolicy, greedy_switching, solve_switching
from envs.tasks.task import TaskCore

SIGNAL, POSITION = 0, 1  # columns of the state
CLIP = 6.0  # stationary standard deviations; the signal is beyond once in 500 million steps


class PositionsCore(TaskCore):
    """A task whose optimum is a threshold on the signal; see `envs.tasks.solvers.switching` for the symbols.

    The observation is the signal in stationary standard deviations, clipped to [−6, 6], and the position.
    """

    n_state = 2
    persistence: ClassVar[float]  # ρ
    sd: ClassVar[float]  # σ
    edge: ClassVar[float]  # e
    cost: ClassVar[float]  # c

    def __init__(
        self,
        n: int = 1,
        *,
        episode_length: int | None = 256,
        autoreset: Autoreset = Autoreset.NEXT_STEP,
        stagger: bool = False,
    ):
        high = np.array([CLIP, 1.0], np.float32)
        super().__init__(
            n,
            observation_space=spaces.Box(-high, high, dtype=np.float32),
            action_space=spaces.Discrete(3),
            episode_length=episode_length,
            autoreset=autoreset,
            stagger=stagger,
            settings={"episode_length": episode_length},
        )

    def optimal_policy(self) -> Callable[[Array], Array]:
        """Return the policy that trades where the signal is beyond the threshold, and holds what it has else."""
        return self._policy(self._best())

    def optimal_value(self) -> float:
        """Return the mean reward per step of the optimum, in the long run."""
        return self._best().value

    def greedy_policy(self) -> Callable[[Array], Array]:
        """Return the policy that trades where the next step alone pays for it."""
        return self._policy(greedy_switching(self.persistence, self.sd, self.edge, self.cost))

    def greedy_value(self) -> float:
        """Return the mean reward per step of the greedy policy, in the long run."""
        return greedy_switching(self.persistence, self.sd, self.edge, self.cost).value

    def _best(self) -> ThresholdPolicy:
        return solve_switching(self.persistence, self.sd, self.edge, self.cost)

    def _policy(self, rule: ThresholdPolicy) -> Callable[[Array], Array]:
        threshold = rule.threshold * math.sqrt(1.0 - self.persistence**2) / self.sd
        direction = math.copysign(1.0, self.edge)

        def policy(observation: Array) -> Array:
            signal, position = observation[:, 0], observation[:, 1]
            wanted = np.where(np.abs(signal) >= threshold, direction * np.sign(signal), position)
            return (wanted + 1.0).astype(np.int64)

        return policy
