"""A benchmark of agents that a sceptic can trust.

`config` reads what is to be run, `work` does one run, `pool` all of them; `of_tasks`, `of_markets` and `results` sum
up, `page` shows. Under them: `statistics` (what few seeds can tell), `alarms` (what cannot be true), `evaluation` (what
a policy earns), `baselines` and `oracle` (what there is to compare with), `walk` (folds and scenarios), `openings` (who
looked at which test, and when). docs/agent_benchmark.md explains all of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "BASELINES": "baselines",
    "above_optimum": "alarms",
    "bootstrap": "statistics",
    "evaluate": "evaluation",
    "hindsight": "oracle",
    "holm": "statistics",
    "interquartile_mean": "statistics",
    "leak_alarm": "alarms",
    "load_config": "config",
    "mean_above": "alarms",
    "performance_profile": "statistics",
    "run_benchmark": "run",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        from backtester.errors import did_you_mean

        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{did_you_mean(name, _HOMES)}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
