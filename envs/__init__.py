"""Environments to train agents in, and agents.

Importing this enters the ids `backtester/…-v0` into gymnasium's registry:

    import envs, gymnasium
    env = gymnasium.make("backtester/Sine-v0")
    vector = gymnasium.make_vec("backtester/Sine-v0", num_envs=64, vectorization_mode="vector_entry_point")
    for_sb3 = envs.sb3_vec_env("backtester/Sine-v0", 64, seed=0)

All of them are faces of one `Core`, and play the same episodes from the same seeds, bit for bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envs.check import check_trading_env
from envs.core import Autoreset, Core
from envs.faces.making import make_core
from envs.registry import core_class, register

if TYPE_CHECKING:
    from envs.faces.sb3 import SB3VecEnv

__all__ = ["Autoreset", "Core", "check_trading_env", "make", "sb3_vec_env"]

register()


def make(env_id: str, num_envs: int = 1, *, autoreset: Autoreset = Autoreset.NEXT_STEP, **settings: Any) -> Core:
    """Return the bare core of an environment, without any library's face.

    Parameters
    ----------
    env_id : str
        Such as "backtester/Sine-v0".
    num_envs : int
        How many copies.
    autoreset : Autoreset
        What happens when an episode ends.
    **settings
        Those in the environment's docstring.

    Raises
    ------
    SettingsError
        If the id or a setting is unknown, or a value is out of range.
    """
    return make_core(core_class(env_id), num_envs, autoreset, settings)


def sb3_vec_env(
    env_id: str, num_envs: int, *, seed: int | None = None, stagger: bool = False, **settings: Any
) -> SB3VecEnv:
    """Return an environment as stable-baselines3 takes it.

    Parameters
    ----------
    env_id : str
        Such as "backtester/Sine-v0".
    num_envs : int
        How many copies; one call steps all of them.
    seed : int, optional
        Copy i is seeded with seed + i at the first reset. An algorithm that is given a seed itself seeds anew.
    stagger : bool
        Whether the first episode of every copy ends earlier, by chance, so that their ends are spread. SB3 runs the
        value net once for every episode that reached its limit: all in one step otherwise.
    **settings
        Those in the environment's docstring.

    Raises
    ------
    SettingsError
        If the id or a setting is unknown, or a value is out of range.
    """
    from envs.faces.sb3 import SB3VecEnv

    core = make(env_id, num_envs, autoreset=Autoreset.SAME_STEP, stagger=stagger, **settings)
    env = SB3VecEnv(core)
    if seed is not None:
        env.seed(seed)
    return env
