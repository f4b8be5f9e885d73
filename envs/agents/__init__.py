"""Agents: trained in the environments of `envs`, stored in bundles, evaluated, and run by `strategies.agent`.

    from envs.agents import Agent, train
    agent = train("ppo", "backtester/OUPrice-v0", total_timesteps=200_000, seed=0)
    agent.save("agents/ou")
    Agent.load("agents/ou").predict(observation)

`Agent` and `evaluate` need numpy, numba and safetensors alone; `train` loads torch and stable-baselines3.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs.agents.agent import Agent as Agent
    from envs.agents.evaluation import Evaluation as Evaluation
    from envs.agents.evaluation import evaluate as evaluate
    from envs.agents.train import train as train
    from envs.agents.training import ALGORITHMS as ALGORITHMS

_HOMES = {
    "ALGORITHMS": "training",
    "Agent": "agent",
    "Evaluation": "evaluation",
    "evaluate": "evaluation",
    "train": "train",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        from backtester.errors import did_you_mean

        raise AttributeError(f"module 'envs.agents' has no attribute {name!r}{did_you_mean(name, _HOMES)}")
    value = getattr(import_module(f"envs.agents.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
