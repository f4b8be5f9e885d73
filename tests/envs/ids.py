"""Every registered environment, with settings that make it short, for tests that hold for all."""

import inspect

import gymnasium

from backtester import Bars
from envs.registry import ENVIRONMENTS, core_class, id_of

IDS = [id_of(name) for name in ENVIRONMENTS]


def settings(env_id, episode_length=None):
    """Return the settings that an environment needs, and a length of its episodes where it takes one."""
    given = {"bars": Bars.sample("sp500")[:400]} if "Trading" in env_id or "Ledger" in env_id else {}
    core = core_class(env_id)
    needs_bars = "bars" in inspect.signature(core.__init__).parameters or core.__name__ == "TradingCore"
    given = given if needs_bars else {}
    takes_length = needs_bars or "episode_length" in inspect.signature(core.__init__).parameters
    return given | ({"episode_length": episode_length} if episode_length and takes_length else {})


def single(env_id, episode_length=None):
    """Return the bare gymnasium environment of an id."""
    return gymnasium.make(env_id, **settings(env_id, episode_length)).unwrapped


def vector(env_id, n, episode_length=None, **more):
    """Return the vector environment of an id."""
    given = settings(env_id, episode_length) | more
    return gymnasium.make_vec(env_id, num_envs=n, vectorization_mode="vector_entry_point", **given)
