"""What it takes to repeat a run: strategy, parameters, data, settings, seed, versions."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import inspect
import math
import platform
import re
import sys
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.engine.session import Run

FORMAT = 1  # of the manifest
_FOLDERS = re.compile(r"^.*[\\/](?=[^\\/]*:\d+: )")  # of the file that a refusal names first: nobody else's business
_source_hashes: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()


def facts_of(run: Run) -> dict[str, Any]:
    """Return what only the run itself knows; cheap, and plain values alone."""
    strategy, settings = run.strategy, run.settings
    kind = type(strategy)
    told_settings = {
        field.name: plain(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
        if field.name not in ("mode", "seed", "progress")
    }
    told: dict[str, Any] = getattr(strategy, "manifest_facts", dict)()  # whoever plays an environment has none
    return {
        **({"about": plain(told)} if told else {}),
        "format": FORMAT,
        "strategy": kind.__qualname__.rpartition("<locals>.")[2],
        "module": kind.__module__,
        "source_hash": _source_hash(kind),
        "parameters": {name: plain(value) for name, value in strategy.parameters.items()},
        "settings": told_settings,
        "currencies": list(run.currencies),
        "seed": int(settings.seed),
        "mode": "compiled" if run.compiled else "interpreted",
        "interpreted_because": _FOLDERS.sub("", run.reason),
        "interrupted": run.interrupted,
        "first_bar": int(run.memory["start"]),
        "seconds": {name: round(value, 6) for name, value in run.seconds.items()},
    }


def manifest_of(facts: dict[str, Any], bars: Bars) -> dict[str, Any]:
    """Return the full manifest: the facts of the run, the data's identity and the versions in use."""
    import llvmlite
    import numba
    import pandas as pd

    import backtester

    return {
        **copy.deepcopy(facts),
        "data": {
            "name": bars.name,
            "symbols": list(bars.symbols),
            "n_bars": bars.n_bars,
            "first": str(bars.index[0]),
            "last": str(bars.index[-1]),
            "content_hash": bars.content_hash,
        },
        "versions": {
            "backtester": backtester.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": numba.__version__,
            "llvmlite": llvmlite.__version__,
            "pandas": pd.__version__,
            "platform": f"{sys.platform}-{platform.machine()}",
        },
    }


def _source_hash(kind: type) -> str:
    """Return a hash of the strategy's source, or "" where it has none (a REPL, exec); it is read once per class."""
    found = _source_hashes.get(kind)
    if found is None:
        try:
            found = hashlib.sha256(inspect.getsource(kind).encode()).hexdigest()
        except (OSError, TypeError):
            found = ""
        _source_hashes[kind] = found
    return found


def plain(value: Any) -> Any:
    """Return a setting as a value JSON can hold; what can describe itself in words is those words."""
    if callable(getattr(type(value), "described", None)):
        return str(value.described())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray) and value.size <= 1000:
        return [plain(item) for item in value.tolist()]
    if callable(value):
        return f"{getattr(value, '__module__', '?')}.{getattr(value, '__qualname__', repr(value))}"
    return f"{type(value).__module__}.{type(value).__qualname__}"
