"""Makes a core from the keywords a user wrote."""

from __future__ import annotations

import inspect
from typing import Any

from backtester.errors import SettingsError, did_you_mean
from envs.core import Autoreset, Core

_OF_FACES = ("autoreset", "n", "self")


def make_core(core_class: type[Core], n: int, autoreset: Autoreset, settings: dict[str, Any]) -> Core:
    """Return n copies of an environment, or raise `SettingsError` where a setting is unknown or missing."""
    parameters = inspect.signature(core_class.__init__).parameters.values()
    known = [p.name for p in parameters if p.name not in _OF_FACES and p.kind is not p.VAR_KEYWORD]
    needed = [p.name for p in parameters if p.name in known and p.default is p.empty]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in settings:
            if name not in known:
                hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
                raise SettingsError(f"{core_class.name} has no setting {name!r}{hint}")
    missing = [name for name in needed if name not in settings]
    if missing:
        raise SettingsError(f"{core_class.name} needs the setting {missing[0]!r}: {missing[0]}=…")
    return core_class(n, autoreset=autoreset, **settings)
