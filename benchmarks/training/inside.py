"""SB3's PPO on our environment, on one that does nothing, and with SB3's defaults, in turns: one line of JSON.

`python -m benchmarks.training.inside`; `--explore` times single settings of PPO instead.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from benchmarks.env import ours
from benchmarks.env.market import EPISODE_STEPS, features, simulate
from benchmarks.training.null import NullCore
from envs.faces.sb3 import SB3VecEnv

NET = [64, 64]


@dataclass(frozen=True)
class Shape:
    """How PPO is run: what a rollout and a minibatch hold; the rest is SB3's default, ten epochs among it."""

    n_envs: int
    n_steps: int
    batch_size: int
    torch_threads: int = 1

    @property
    def rollout(self) -> int:
        """Steps of a rollout, all environments together."""
        return self.n_envs * self.n_steps


CHOSEN = Shape(256, 64, 4096)
DEFAULT = Shape(1, 2048, 64)  # SB3's


class Stopwatch:
    """Adds up the seconds an environment takes to step."""

    def __init__(self, env: VecEnv):
        self.seconds = 0.0
        for name in ("step_async", "step_wait"):
            setattr(env, name, self._timed(getattr(env, name)))

    def _timed(self, method: Any) -> Any:
        def timed(*given: Any) -> Any:
            started = time.perf_counter()
            found = method(*given)
            self.seconds += time.perf_counter() - started
            return found

        return timed


class Trainee:
    """A PPO that learns one rollout at a time."""

    def __init__(self, env: VecEnv, shape: Shape):
        self.shape = shape
        self.watch = Stopwatch(env)
        settings = {"n_steps": shape.n_steps, "batch_size": shape.batch_size, "policy_kwargs": {"net_arch": NET}}
        self.model = PPO("MlpPolicy", env, device="cpu", seed=0, **settings)
        self.model.set_logger(Logger(folder=None, output_formats=[]))
        self.rates: list[float] = []
        self.shares: list[float] = []

    def learn(self, rollouts: int) -> None:
        """Take so many rollouts, an update after each; note steps a second, and the environment's part of the time."""
        torch.set_num_threads(self.shape.torch_threads)
        self.watch.seconds = 0.0
        steps = rollouts * self.shape.rollout
        started = time.perf_counter()
        self.model.learn(steps, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]
        seconds = time.perf_counter() - started
        self.rates.append(steps / seconds)
        self.shares.append(100.0 * self.watch.seconds / seconds)

    def answer(self) -> dict[str, Any]:
        """What was measured, without the first rollout, which warms up."""
        return {**asdict(self.shape), "rates": self.rates[1:], "shares": self.shares[1:]}


def _null(made: dict[str, Any], n_envs: int) -> SB3VecEnv:
    like = ours.core(1, made)
    return SB3VecEnv(NullCore(n_envs, like, EPISODE_STEPS))


def measure(n_bars: int, rollouts: int, runs: int, shape: Shape) -> dict[str, Any]:
    """Our environment, the one that does nothing, and SB3's default, in turns."""
    made = ours.settings(simulate(n_bars), features(n_bars))
    trainees = {
        "ours": Trainee(ours.for_sb3(shape.n_envs, made), shape),
        "null": Trainee(_null(made, shape.n_envs), shape),
        "default": Trainee(DummyVecEnv([lambda: ours.one(made)[0]]), DEFAULT),
    }
    for _ in range(runs + 1):
        for name, trainee in trainees.items():
            trainee.learn(1 if name == "default" else rollouts)
    return {name: trainee.answer() for name, trainee in trainees.items()}


def explore(n_bars: int, shapes: list[Shape], runs: int) -> list[dict[str, Any]]:
    """Rates of several shapes, in turns."""
    made = ours.settings(simulate(n_bars), features(n_bars))
    trainees = [Trainee(ours.for_sb3(shape.n_envs, made), shape) for shape in shapes]
    for _ in range(runs + 1):
        for trainee in trainees:
            trainee.learn(1)
    return [trainee.answer() for trainee in trainees]


def main() -> None:
    """Read the request, print the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bars", type=int, default=20_000)
    parser.add_argument("--rollouts", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--explore", nargs="*", metavar="ENVS,STEPS,BATCH,THREADS")
    asked = parser.parse_args()
    if asked.explore is not None:
        shapes = [Shape(*(int(number) for number in one.split(","))) for one in asked.explore]
        print(json.dumps(explore(asked.bars, shapes, asked.runs)))
    else:
        print(json.dumps(measure(asked.bars, asked.rollouts, asked.runs, CHOSEN)))


if __name__ == "__main__":
    main()
