"""What our own algorithms share: steps of a vector of environments, told apart into ends and cuts, and the slices.

A learner learns by `update`, a slice at a time, and could be stopped, stored and resumed between two slices. All that
is random comes from generators of its own. (`envs.agents.sb3` is the counterpart for stable-baselines3.)
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from typing import Any

import numpy as np

from envs.agents.training import Training, Watch
from envs.errors import TrainingError

_RECENT = 100  # episodes whose mean return and length are reported


class Learner(Training):
    """An algorithm of our own under way; for the parameters see `envs.agents.training.Training`.

    Attributes
    ----------
    observation : array [n, d] or None
        What the next step acts on; None before the first.
    """

    def __init__(self, algorithm: str, venv: Any, hyperparameters: dict[str, Any], seed: int, total_timesteps: int):
        self.algorithm, self.venv, self.total_timesteps = algorithm, venv, total_timesteps
        self.steps, self.n = 0, int(venv.num_envs)
        self.observation: Any = None
        self._scale = hyperparameters["reward_scale"]
        self._figures: dict[str, float] = {}
        self._episodes: deque[tuple[float, float]] = deque(maxlen=_RECENT)
        self._watch: Watch | None = None
        venv.seed(seed)

    @property
    def progress(self) -> float:
        """The fraction of the steps that have been taken, at most 1."""
        return min(self.steps / self.total_timesteps, 1.0)

    def learn(self, watch: Watch | None = None) -> None:
        """Learn from where it stands, with or without an observer; see `Training.learn`."""
        self._watch = watch
        if self.observation is None:
            self.observation = self.venv.reset()
        while self.steps < self.total_timesteps and (watch is None or watch.boundary()):
            self._figures = self.update()

    @abstractmethod
    def update(self) -> dict[str, float]:
        """Take the steps of one slice, learn from them, and return figures for the log."""

    def losses(self) -> dict[str, float]:
        """Return the figures of the last slice."""
        return dict(self._figures)

    def recent_episodes(self) -> tuple[float, float] | None:
        """Return mean return and mean length of the last episodes, where the infos tell of them."""
        if not self._episodes:
            return None
        returns, lengths = zip(*self._episodes, strict=True)
        return float(np.mean(returns)), float(np.mean(lengths))

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Step all copies; `self.observation` is what to act on next.

        Parameters
        ----------
        actions : array [n] or [n, k]

        Returns
        -------
        following : array [n, d]
            The observation that each action led to, of the same episode still.
        reward : array [n], float64
            Times `reward_scale`.
        terminated : array [n] of bool
            The episode ended for good: nothing follows.
        cut : array [n] of bool
            The episode was cut by a limit of time: it would have gone on from `following`.
        """
        observation, reward, over, infos = self.venv.step(actions)
        self.steps += self.n
        if self._watch is not None:
            self._watch.stepped(reward)
        following, terminated = observation, np.zeros(self.n, bool)
        if over.any():
            following = observation.copy()
            for i in np.flatnonzero(over):
                following[i] = infos[i]["terminal_observation"]
                terminated[i] = not infos[i].get("TimeLimit.truncated", False)
                if "episode" in infos[i]:
                    self._episodes.append((float(infos[i]["episode"]["r"]), float(infos[i]["episode"]["l"])))
        self._check(observation, following)
        self.observation = observation
        return following, np.asarray(reward, np.float64) * self._scale, terminated, over & ~terminated

    def _check(self, *observations: np.ndarray) -> None:
        for observation in observations:
            if not np.isfinite(observation).all():
                copy, position = (int(k) for k in np.argwhere(~np.isfinite(observation))[0])
                raise TrainingError(
                    f"{self.algorithm}: after step {self.steps:,} the observation of copy {copy} has "
                    f"{observation[copy, position]} at position {position}; every number must be finite"
                )

    def get_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what every learner has to remember; see `Training.get_state`."""
        arrays = {} if self.observation is None else {"observation": self.observation.copy()}
        return arrays, {
            "steps": self.steps,
            "figures": self.losses(),
            "episodes": [list(one) for one in self._episodes],
        }

    def set_state(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """Go back to what `get_state` returned."""
        self.observation = arrays["observation"].copy() if "observation" in arrays else None
        self.steps, self._figures = facts["steps"], dict(facts["figures"])
        self._episodes = deque((tuple(one) for one in facts["episodes"]), maxlen=_RECENT)

    def restart(self) -> None:
        """Begin new episodes; see `Training.restart`."""
        self.observation = self.venv.reset()


def rate_at(rate: float | dict[str, float], progress: float) -> float:
    """Return a rate, a number or `{from: a, to: b}`, after a fraction `progress` of the steps."""
    if isinstance(rate, dict):
        return rate["to"] + (rate["from"] - rate["to"]) * (1.0 - progress)
    return rate
