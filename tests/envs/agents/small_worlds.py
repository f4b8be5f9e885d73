"""Vectors of environments small enough to know what follows, with the API of stable-baselines3, and learners."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import numpy as np
import torch
from gymnasium import spaces

from envs.agents.hyperparameters import hyperparameters_for
from envs.agents.learner import Learner
from envs.agents.training import trainer_of


class World:
    """N copies that observe what they are told, and pay `reward(observation, actions)`.

    Episodes last `length` steps; they are cut there, or terminate. Observations are those of `observe(t)`, float32
    [n, d], t the steps of the episode so far.
    """

    def __init__(
        self,
        n: int,
        action_space: spaces.Space,
        reward: Callable[[np.ndarray, np.ndarray], np.ndarray],
        observe: Callable[[int], np.ndarray],
        length: int,
        terminates: bool = False,
    ):
        self.num_envs, self.action_space = n, action_space
        self.reward, self.observe, self.length, self.terminates = reward, observe, length, terminates
        shape = observe(0).shape[1:]
        self.observation_space = spaces.Box(-10.0, 10.0, shape, np.float32)
        self.t, self.seeded, self.resets = 0, None, 0

    def seed(self, seed):
        self.seeded = seed

    def reset(self):
        self.t, self.resets = 0, self.resets + 1
        return self.observe(0)

    def step(self, actions):
        rewards = self.reward(self.observe(self.t), actions).astype(np.float32)
        self.t += 1
        over = np.full(self.num_envs, self.t == self.length)
        infos = [{} for _ in range(self.num_envs)]
        if over.any():
            last = self.observe(self.t)
            for i, info in enumerate(infos):
                info["terminal_observation"] = last[i]
                info["TimeLimit.truncated"] = not self.terminates
                info["episode"] = {"r": 7.0, "l": self.length, "t": 0.0}
            self.t = 0
        return self.observe(self.t), rewards, over, infos


def constant(n: int, value: float = 0.0) -> Callable[[int], np.ndarray]:
    """Return the `observe` of a world that always looks the same."""
    return lambda t: np.full((n, 1), value, np.float32)


def begin(algorithm: str, venv, seed: int, total_timesteps: int, **hyperparameters) -> Learner:
    """Return a learner with the shipped hyperparameters, but for those given."""
    trainer = trainer_of(algorithm)
    values = hyperparameters_for(trainer, "backtester/Any-v0", hyperparameters)
    return trainer.training()(algorithm, venv, values, seed, total_timesteps)


class Stop:
    """A watch that says stop at one of the boundaries, and remembers the rewards."""

    def __init__(self, at: int):
        self.left, self.rewards = at, []

    def stepped(self, rewards):
        self.rewards.append(rewards.copy())

    def boundary(self):
        self.left -= 1
        return self.left >= 0


def learnt(learner: Learner) -> dict[str, bytes]:
    """Return the arrays of a learner as bytes, to be compared."""
    return {name: array.tobytes() for name, array in learner.get_state()[0].items()}


def resumed_halfway(algorithm: str, make: Callable[[], object], seed: int, total: int, **values) -> Learner:
    """Learn until the third boundary, take everything to a new environment and learner, and go on to the end.

    `make` makes a vector with a core.
    """
    first_env, second_env = make(), make()
    first = begin(algorithm, first_env, seed, total, **values)
    first.learn(Stop(3))
    assert 0 < first.steps < total
    arrays, facts = first.get_state()
    second = begin(algorithm, second_env, seed + 1000, total, **values)  # another seed: all must come from the state
    second_env.core.set_state(first_env.core.get_state())
    second.set_state({name: array.copy() for name, array in arrays.items()}, json.loads(json.dumps(facts)))
    first.learn()  # what was handed over is a copy: this one's going on must not show
    second.learn()
    return second


def global_generators() -> tuple[object, ...]:
    """Return the state of Python's, NumPy's and torch's own generators, to be compared."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002, that it is left alone is what is tested
    return random.getstate(), name, keys.tobytes(), rest, torch.get_rng_state().numpy().tobytes()
