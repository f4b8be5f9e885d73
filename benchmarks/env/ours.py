"""Our environment on the benchmark's work. The one file that knows its API."""

from __future__ import annotations

from typing import Any

import gymnasium
import numba
import numpy as np

import envs
from backtester import Bars, Costs
from backtester.signals import External, Features
from benchmarks.env.market import CASH, COMMISSION, EPISODE_STEPS, EXPOSURES, WINDOW, Market

ID = "backtester/Trading-v0"


def settings(market: Market, panel: np.ndarray, **more: Any) -> dict[str, Any]:
    """The keywords of the environment."""
    prices = {name: getattr(market, name)[:, None] for name in ("open", "high", "low", "close", "volume")}
    made: dict[str, Any] = {
        "bars": Bars.from_arrays(market.timestamps, **prices, symbols=("SIM",)),
        "features": Features([External(panel[:, None, :], "noise")]),
        "scaler": "none",
        "window": WINDOW,
        "exposures": EXPOSURES,
        "episode_length": EPISODE_STEPS,
        "cash": CASH,
        "costs": Costs(commission=COMMISSION),
    }
    return made | more


def one(made: dict[str, Any]) -> tuple[Any, Any]:
    """The environment as `gymnasium.make` gives it, and without its wrappers."""
    env = gymnasium.make(ID, **made)
    return env, env.unwrapped


def vector(n: int, made: dict[str, Any]) -> Any:
    """N environments as `gymnasium.make_vec` gives them, the first episodes of different lengths."""
    mode = "vector_entry_point"
    env = gymnasium.make_vec(ID, num_envs=n, vectorization_mode=mode, stagger=True, **made)
    env.reset(seed=0)
    return env


def core(n: int, made: dict[str, Any], threads: bool = True, stagger: bool = True) -> Any:
    """N environments without any face, seeded and begun; on one thread if asked for."""
    before = numba.get_num_threads()
    numba.set_num_threads(before if threads else 1)
    try:
        bare = envs.make(ID, n, stagger=stagger, **made)
    finally:
        numba.set_num_threads(before)
    bare.seed(range(n))
    bare.reset()
    return bare


def for_sb3(n: int, made: dict[str, Any]) -> Any:
    """N environments as stable-baselines3 takes them."""
    env = envs.sb3_vec_env(ID, n, seed=0, stagger=True, **made)
    env.reset()
    return env
