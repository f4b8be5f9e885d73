"""What a task with a known optimum has beyond a core: baseline, greedy policy, and how its value is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from envs.core import Array
from envs.driver import DrivenCore
from envs.errors import TaskError


class TaskCore(DrivenCore):
    """A core whose optimum is known.

    Attributes
    ----------
    per_episode : bool
        Whether values are mean returns of whole episodes; else they are mean rewards per step in the long run.
    burn_in : int
        Of a value per step: so many steps after the beginning of an episode, where one starts is forgotten. What comes
        before is not counted by `envs.tasks.score.evaluate_policy`.
    """

    per_episode: ClassVar[bool] = False
    burn_in: ClassVar[int] = 0

    def baseline_value(self) -> float:
        """Return what the policy earns whose score is 0: that is staying flat, unless the docstring says more."""
        return 0.0

    def greedy_policy(self) -> Callable[[Array], Array]:
        """Return the policy that maximises the expected reward of each step alone, in the form of `optimal_policy`."""
        raise TaskError(f"{self.name} has no greedy policy: it would be the optimal one, or never act")

    def greedy_value(self) -> float:
        """Return the value of `greedy_policy`."""
        raise TaskError(f"{self.name} has no greedy policy: it would be the optimal one, or never act")
