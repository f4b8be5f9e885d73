"""What an agent earns: whole episodes of an environment, one compiled call for all copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import gymnasium
import numpy as np

from envs.agents.agent import Agent
from envs.agents.copies import Asked, core_for, id_and_settings
from envs.core import Autoreset, Core
from envs.errors import TrainingError

_COPIES = 256  # that play at the same time, at most


@dataclass(frozen=True)
class Evaluation:
    """The episodes that an agent played.

    Parameters
    ----------
    returns : array [episodes]
        Sum of the rewards of each.
    lengths : array [episodes], int64
        Its steps.
    info : mapping of str to array [episodes]
        What the environment told at the end of each: of a market `equity`, `costs` and `turnover`. Empty where it
        tells nothing.
    """

    returns: np.ndarray
    lengths: np.ndarray
    info: Mapping[str, np.ndarray]

    @property
    def mean(self) -> float:
        """Mean return of an episode."""
        return float(np.mean(self.returns))

    @property
    def error(self) -> float:
        """Standard error of `mean`; NaN for one episode."""
        n = len(self.returns)
        return float(np.std(self.returns, ddof=1) / np.sqrt(n)) if n > 1 else float("nan")

    @property
    def per_step(self) -> float:
        """Mean reward of a step."""
        return float(np.sum(self.returns) / np.sum(self.lengths))


def evaluate(agent: Agent, env: Asked, *, episodes: int = 100, seed: int = 0, deterministic: bool = True) -> Evaluation:
    """Let an agent play whole episodes.

    Parameters
    ----------
    agent : Agent
    env : id, (id, settings), Core, gymnasium.Env, gymnasium.vector.VectorEnv or VecEnv
        Where to play. One of ours that is named is made with as many copies as there are episodes, at most 256.
    episodes : int
        How many. Of several copies each plays as many as the others, so that short ones are not counted more often:
        the number is rounded up to a multiple of the copies.
    seed : int
        Copy i is seeded with seed + i.
    deterministic : bool
        Take the best action, rather than draw one.

    Raises
    ------
    TrainingError
        If the environment is not one, or its spaces are not those of the agent.
    """
    from envs.agents.bundle import fits

    if isinstance(episodes, bool) or not isinstance(episodes, int) or episodes < 1:
        raise TrainingError(f"episodes is {episodes!r}; it must be a whole number of at least 1")
    named = id_and_settings(env)
    if named is None and isinstance(env, gymnasium.Env):
        fits(agent, env)
        return _play_single(agent, env, episodes, seed, deterministic)
    core = core_for(env, min(episodes, _COPIES))
    if core is None and named is not None:
        with gymnasium.make(named[0], **named[1]) as made:
            fits(agent, made)
            return _play_single(agent, made, episodes, seed, deterministic)
    if core is None or core.autoreset is Autoreset.DISABLED:
        raise TrainingError(
            f"{env!r} cannot be evaluated in: give an id, (id, settings), a gymnasium.Env, or copies of ours that "
            "reset themselves (autoreset=Autoreset.SAME_STEP)"
        )
    fits(agent, core)
    return _play(agent, core, episodes, seed, deterministic)


def _play(agent: Agent, core: Core, episodes: int, seed: int, deterministic: bool) -> Evaluation:
    each = -(-episodes // core.n)
    core.seed(np.arange(seed, seed + core.n))
    core.reset()
    played = np.zeros(core.n, np.int64)
    returns, lengths = np.zeros((core.n, each)), np.zeros((core.n, each), np.int64)
    info: dict[str, np.ndarray] = {}
    while (played < each).any():
        core.step(agent.predict(core.observation, deterministic))
        if not core.ends:
            continue
        ended = np.flatnonzero((core.terminated | core.truncated) & (played < each))
        at = played[ended]
        returns[ended, at], lengths[ended, at] = core.final_return[ended], core.final_length[ended]
        told = core.final_info() if core.autoreset is Autoreset.SAME_STEP else core.info()
        for name, column in told.items():
            if column.ndim == 1:
                info.setdefault(name, np.zeros((core.n, each)))[ended, at] = column[ended]
        played[ended] += 1
    if not np.isfinite(returns).all():
        raise TrainingError(f"{core.name}: a reward was NaN or infinite; nothing can be said of the agent")
    return Evaluation(returns.ravel(), lengths.ravel(), {name: column.ravel() for name, column in info.items()})


def _play_single(agent: Agent, env: gymnasium.Env, episodes: int, seed: int, deterministic: bool) -> Evaluation:
    returns, lengths = np.zeros(episodes), np.zeros(episodes, np.int64)
    for k in range(episodes):
        observation, _ = env.reset(seed=seed + k)
        over = False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(agent.predict(observation, deterministic))
            returns[k] += float(reward)
            lengths[k] += 1
            over = terminated or truncated
    if not np.isfinite(returns).all():
        raise TrainingError("a reward was NaN or infinite; nothing can be said of the agent")
    return Evaluation(returns, lengths, {})
