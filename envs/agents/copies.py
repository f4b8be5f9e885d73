"""From what a caller calls an environment to the copies that an algorithm trains in, or that an agent plays in."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import gymnasium

import envs
from backtester.errors import did_you_mean
from envs.agents.describe import core_of
from envs.core import Autoreset, Core
from envs.errors import TrainingError
from envs.registry import core_class

OURS = "backtester/"

Asked = str | tuple[str, Mapping[str, Any]] | Any


def id_and_settings(env: Asked) -> tuple[str, dict[str, Any]] | None:
    """Return id and settings where an environment is named, or None where it is given itself.

    Raises
    ------
    TrainingError
        If it is neither.
    """
    if isinstance(env, str):
        return _known(env), {}
    if isinstance(env, tuple):
        if len(env) == 2 and isinstance(env[0], str) and isinstance(env[1], Mapping):
            return _known(env[0]), dict(env[1])
        raise TrainingError(
            f"env is {env!r}; a pair is an id and a dict of settings, such as ('backtester/Trading-v0', {{…}})"
        )
    if core_of(env) is not None or hasattr(env, "step"):
        return None
    raise TrainingError(
        f"env is {env!r}; give an id, such as 'backtester/OUPrice-v0', a pair of id and settings, or an environment"
    )


def _known(env_id: str) -> str:
    if env_id in gymnasium.registry:
        return env_id
    if OURS + env_id + "-v0" in gymnasium.registry:
        hint = f"; did you mean {OURS + env_id + '-v0'!r}?"
    else:
        hint = did_you_mean(env_id, gymnasium.registry)
    ours = ", ".join(name for name in gymnasium.registry if name.startswith(OURS))
    raise TrainingError(f"no environment has the id {env_id!r}{hint}; ours are {ours}")


def vec_env(env: Asked, n_envs: int | None) -> Any:
    """Return an environment as stable-baselines3 takes it; one of ours has its `core`.

    Parameters
    ----------
    env : id, (id, settings), Core, gymnasium.Env, gymnasium.vector.VectorEnv or VecEnv
    n_envs : int, optional
        How many copies; what is given itself has as many as it has.

    Raises
    ------
    TrainingError
        If `n_envs` is not the number of copies there are, or copies of it cannot be trained in.
    """
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

    named = id_and_settings(env)
    if named is not None:
        env_id, settings = named
        if env_id.startswith(OURS):
            return _staggered(env_id, n_envs or 1, settings)
        return DummyVecEnv([lambda: Monitor(gymnasium.make(env_id, **settings)) for _ in range(n_envs or 1)])
    if isinstance(env, VecEnv):
        made = env
    elif isinstance(env, gymnasium.Env):
        made = DummyVecEnv([lambda: env if isinstance(env, Monitor) else Monitor(env)])
    else:
        made = _of_core(core_of(env), env)
    if n_envs is not None and made.num_envs != n_envs:
        raise TrainingError(
            f"n_envs is {n_envs}, and copies of the environment given: {made.num_envs}; name it instead, by its id and "
            "settings, and as many copies are made as are wanted"
        )
    return made


def _staggered(env_id: str, n: int, settings: dict[str, Any]) -> Any:
    """Return copies whose first episodes end at different times, where the environment has a time limit."""
    own = inspect.signature(core_class(env_id).__init__).parameters.get("episode_length")
    limit = settings.get("episode_length", None if own is None else own.default)
    spread = {"stagger": True} if n > 1 and limit is not None else {}
    return envs.sb3_vec_env(env_id, n, **{**spread, **settings})


def _of_core(core: Core | None, env: Any) -> Any:
    from envs.faces.sb3 import SB3VecEnv

    if core is None:
        raise TrainingError(
            f"{env!r} cannot be trained in: a vector environment has to be stable-baselines3's, or one of ours; give "
            "its id, or (id, settings)"
        )
    if core.autoreset is not Autoreset.SAME_STEP:
        raise TrainingError(
            f"{core.name}: training needs Autoreset.SAME_STEP, and this one has {core.autoreset.name}; make it with "
            "autoreset=Autoreset.SAME_STEP, or give its id and settings"
        )
    return SB3VecEnv(core)


def core_for(env: Asked, n: int) -> Core | None:
    """Return `n` fresh copies of an environment of ours that is named, or the core of one that is given; else None."""
    named = id_and_settings(env)
    if named is None:
        return core_of(env)
    env_id, settings = named
    if not env_id.startswith(OURS):
        return None
    settings.pop("stagger", None)  # whole episodes are what is evaluated
    return envs.make(env_id, n, autoreset=Autoreset.SAME_STEP, **settings)
