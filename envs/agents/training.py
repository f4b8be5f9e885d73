"""What an algorithm has to offer to be trained, watched, stopped, stored and resumed: the protocol, and the registry.

An algorithm is a class of `Training`, named in `ALGORITHMS`. `envs.agents.train` does all that is not learning: seeds,
checkpoints, validation, logs, progress, Ctrl-C and the alarm for numbers that are none. The two meet in a `Watch`,
which the algorithm tells of every step and asks, at every point from which it could be resumed, whether to go on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from backtester.errors import did_you_mean
from envs.agents.policy import Policy
from envs.errors import TrainingError


class Watch(Protocol):
    """The observer of a training."""

    def stepped(self, rewards: np.ndarray) -> None:
        """Take note of one step of all copies; an error names the step if a reward is NaN or infinite.

        Parameters
        ----------
        rewards : array [n_envs]
            As the environment gave them, before anything is added.
        """

    def boundary(self) -> bool:
        """Take note of a point from which the training could be resumed; return whether to go on.

        Between such points nothing may be left over: `get_state` has to hold all that the next step depends on. PPO and
        A2C have one before each rollout, DQN and SAC before each stretch of `train_freq` steps. The first is before
        the first step. Where False is returned, `learn` returns at once, without another step or update.
        """


class Training(ABC):
    """One training under way.

    Parameters
    ----------
    algorithm : str
        A key of `ALGORITHMS`.
    venv : stable_baselines3.common.vec_env.VecEnv
        The copies of the environment; those of ours have the `core` that `envs.core` describes.
    hyperparameters : dict
        Checked, and complete: every name of `ALGORITHMS[algorithm].hyperparameters` that has a value.
    seed : int
        All that is random comes from it. Python's, NumPy's and torch's own generators may be used: they are seeded
        before, belong to this training while it runs, and are stored with it.
    total_timesteps : int
        Over which schedules run.

    Attributes
    ----------
    steps : int
        Steps taken so far, all copies together.
    """

    steps: int

    @abstractmethod
    def __init__(self, algorithm: str, venv: Any, hyperparameters: dict[str, Any], seed: int, total_timesteps: int): ...

    @abstractmethod
    def learn(self, watch: Watch) -> None:
        """Learn from where it stands until `steps` is at least the total, or `watch.boundary()` says stop."""

    @abstractmethod
    def policy(self) -> Policy:
        """Return a copy of what has been learnt so far."""

    @abstractmethod
    def losses(self) -> dict[str, float]:
        """Return the numbers of the last update, by name; one that is NaN or infinite ends the training."""

    @abstractmethod
    def get_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays, and facts as JSON can hold them, from which `set_state` goes on bit for bit.

        Not in it: the state of the environment, and Python's, NumPy's and torch's generators.
        """

    @abstractmethod
    def set_state(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """Go back to what `get_state` returned."""

    @abstractmethod
    def restart(self) -> None:
        """Begin new episodes after `set_state`, where the state of an environment could not be stored."""

    def recent_episodes(self) -> tuple[float, float] | None:
        """Return mean return and mean length of recent episodes, where the environment does not tell itself."""
        return None


@dataclass(frozen=True)
class Rule:
    """What values a hyperparameter may have.

    Parameters
    ----------
    kind : "int", "float", "bool", "rate", "sizes", or a tuple of str
        A number, a number or its schedule `{from: 0.001, to: 0.0}`, a list of layer sizes, or one of some words.
    low, high : float, optional
        The least and the greatest number.
    above : bool
        Whether `low` itself is too low.
    optional : bool
        Whether None is a value.
    words : tuple of str
        Words that are values besides, such as "auto".
    """

    kind: Any
    low: float | None = None
    high: float | None = None
    above: bool = False
    optional: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trainer:
    """An algorithm by name.

    Parameters
    ----------
    name : str
        As `train` takes it.
    home : str
        `module:Class` of its `Training`, imported when it is used.
    hyperparameters : mapping of str to Rule
        What it takes, besides what all take: see `COMMON`.
    actions : tuple of str
        The action spaces that it can act in.
    """

    name: str
    home: str
    hyperparameters: Mapping[str, Rule] = field(default_factory=dict)
    actions: tuple[str, ...] = ("Discrete", "MultiDiscrete", "Box")

    def training(self) -> type[Training]:
        """Return its class."""
        module, _, name = self.home.partition(":")
        return getattr(import_module(module), name)


_FRACTION = Rule("float", 0.0, 1.0)
_COUNT = Rule("int", 1)
_POSITIVE = Rule("float", 0.0, above=True)

COMMON = {
    "n_envs": _COUNT,
    "gamma": _FRACTION,
    "learning_rate": Rule("rate", 0.0, above=True),
    "reward_scale": _POSITIVE,
}
_NETWORK = {"net": Rule("sizes", 1), "activation": Rule(("tanh", "relu"))}
_ON_POLICY = {
    **_NETWORK,
    "n_steps": _COUNT,
    "gae_lambda": _FRACTION,
    "ent_coef": Rule("float", 0.0),
    "vf_coef": Rule("float", 0.0),
    "max_grad_norm": _POSITIVE,
    "normalize_advantage": Rule("bool"),
    "log_std_init": Rule("float"),
}
_OFF_POLICY = {
    **_NETWORK,
    "buffer_size": _COUNT,
    "learning_starts": Rule("int", 0),
    "batch_size": _COUNT,
    "tau": Rule("float", 0.0, 1.0, above=True),
    "train_freq": _COUNT,
    "gradient_steps": _COUNT,
    "target_update_interval": _COUNT,
}

ALGORITHMS: dict[str, Trainer] = {
    "ppo": Trainer(
        "ppo",
        "envs.agents.sb3:SB3Training",
        {
            **_ON_POLICY,
            "batch_size": _COUNT,
            "n_epochs": _COUNT,
            "clip_range": Rule("rate", 0.0, above=True),
            "clip_range_vf": Rule("rate", 0.0, above=True, optional=True),
            "target_kl": Rule("float", 0.0, above=True, optional=True),
        },
    ),
    "a2c": Trainer(
        "a2c",
        "envs.agents.sb3:SB3Training",
        {**_ON_POLICY, "use_rms_prop": Rule("bool"), "rms_prop_eps": _POSITIVE},
    ),
    "dqn": Trainer(
        "dqn",
        "envs.agents.sb3:SB3Training",
        {
            **_OFF_POLICY,
            "exploration_fraction": _FRACTION,
            "exploration_initial_eps": _FRACTION,
            "exploration_final_eps": _FRACTION,
            "max_grad_norm": _POSITIVE,
        },
        ("Discrete",),
    ),
    "sac": Trainer(
        "sac",
        "envs.agents.sb3:SB3Training",
        {
            **_OFF_POLICY,
            "ent_coef": Rule("float", 0.0, words=("auto",)),
            "target_entropy": Rule("float", words=("auto",)),
        },
        ("Box",),
    ),
    "reinforce": Trainer(
        "reinforce",
        "envs.agents.reinforce:Reinforce",
        {
            **_NETWORK,
            "n_steps": _COUNT,
            "max_grad_norm": _POSITIVE,
            "log_std_init": Rule("float"),
            "baseline_learning_rate": _POSITIVE,
            "baseline_steps": _COUNT,
        },
        ("Discrete", "Box"),
    ),
    "q_learning": Trainer(
        "q_learning",
        "envs.agents.q_learning:QLearning",
        {
            "bins": _COUNT,
            "power": Rule("float", 0.5, 1.0, above=True),
            "sample_steps": _COUNT,
            "slice_steps": _COUNT,
            "exploration_fraction": _FRACTION,
            "exploration_initial_eps": _FRACTION,
            "exploration_final_eps": _FRACTION,
        },
        ("Discrete",),
    ),
}


def trainer_of(algorithm: str) -> Trainer:
    """Return the entry of `ALGORITHMS`.

    Raises
    ------
    TrainingError
        If there is none of that name.
    """
    try:
        return ALGORITHMS[algorithm]
    except (KeyError, TypeError):
        near = did_you_mean(str(algorithm).lower(), ALGORITHMS)
        known = ", ".join(ALGORITHMS)
        raise TrainingError(f"there is no algorithm {algorithm!r}{near}; there are {known}") from None
