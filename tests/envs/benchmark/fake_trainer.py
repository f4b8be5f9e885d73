"""A trainer that learns nothing: agents of known skill, so that what a benchmark says of them can be worked out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import envs
from backtester.errors import BacktesterError

CALLS: list[dict] = []


class FakeAgent:
    """Plays a policy; saves nothing but its name."""

    def __init__(self, name, policy):
        self.name, self.policy = name, policy

    def predict(self, observation, deterministic=True):
        assert deterministic
        return self.policy(observation)

    def save(self, folder):
        Path(folder).mkdir()
        (Path(folder) / "agent.txt").write_text(self.name)


def train(algo, env, *, total_timesteps, seed, hyperparameters=None, log_dir=None, progress=None, **more):
    """Return an agent: "best" plays the optimum, "half" does in every other step, "still" does one thing.

    "chance" does anything, "broken" raises, "dies" ends the process, "sleeps" takes ten minutes.
    """
    env_id, settings = env
    CALLS.append({"algo": algo, "env": env, "steps": total_timesteps, "seed": seed, "hyper": hyperparameters, **more})
    if algo == "broken":
        raise BacktesterError("the loss is NaN at step 17")
    if algo == "sleeps":
        import time

        time.sleep(600)
    if algo == "dies":
        import os

        os._exit(9)
    core = envs.make(env_id, 1, **settings)
    if log_dir is not None:
        rows = "".join(f"{n * 100},{n / 10}\n" for n in range(1, 6))
        (Path(log_dir) / "progress.csv").write_text("steps,reward\n" + rows)
    n_actions = int(core.action_space.n)
    if algo == "best":
        return FakeAgent(algo, core.optimal_policy())
    if algo == "still":
        return FakeAgent(algo, lambda observation: np.full(len(observation), seed % n_actions))
    if algo == "half":
        count = [0]

        def half(observation):
            count[0] += 1
            return core.optimal_policy()(observation) if count[0] % 2 else np.ones(len(observation), np.int64)

        return FakeAgent(algo, half)
    assert algo == "chance"

    def chance(observation):  # from digits that mean nothing: the same action wherever the same market is observed
        return (np.abs(observation[:, 0].astype(np.float64)) * 1e5 + seed).astype(np.int64) % n_actions

    return FakeAgent(algo, chance)
