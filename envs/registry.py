"""Which environments there are: their ids, and where their classes are."""

from __future__ import annotations

import importlib

import gymnasium

from backtester.errors import SettingsError, did_you_mean
from envs.core import Core

#: name: the module that has the class `name` (a `SingleEnv`) and the class `nameVector` (a `VectorEnv`)
ENVIRONMENTS = {
    "AR1Cost": "envs.tasks.ar1_cost",
    "ContextualKelly": "envs.tasks.contextual_kelly",
    "Execution": "envs.tasks.execution",
    "Kelly": "envs.tasks.kelly",
    "Martingale": "envs.tasks.martingale",
    "OUPrice": "envs.tasks.ou_price",
    "QuadraticCost": "envs.tasks.quadratic_cost",
    "Sine": "envs.tasks.sine",
}


def id_of(name: str) -> str:
    """Return the id of an environment in gymnasium's registry."""
    return f"backtester/{name}-v0"


def register() -> None:
    """Enter the environments into gymnasium's registry; their modules are imported when one is made."""
    for name, module in ENVIRONMENTS.items():
        if id_of(name) not in gymnasium.registry:
            gymnasium.register(
                id_of(name),
                entry_point=f"{module}:{name}",
                vector_entry_point=f"{module}:{name}Vector",
                order_enforce=False,  # the core itself refuses a step before a reset
            )


def core_class(env_id: str) -> type[Core]:
    """Return the core behind an id such as "backtester/Sine-v0"."""
    ids = {id_of(name): name for name in ENVIRONMENTS}
    if env_id not in ids:
        hint = did_you_mean(env_id, ids) or f"; known: {', '.join(ids)}"
        raise SettingsError(f"no environment has the id {env_id!r}{hint}")
    name = ids[env_id]
    return getattr(importlib.import_module(ENVIRONMENTS[name]), name).core_class
