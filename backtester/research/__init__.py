"""Research: search a parameter space, and know whether to believe what was found.

`sweep` searches, `walk_forward` chooses on the past and trades what came next, `check_lookahead` looks for knowledge of
the future, `stress` runs again under worse conditions, `overfitting` holds the statistics. Subpackages are loaded when
they are first used.

`sweep`, `stress` and `walk_forward` are functions here, and the subpackages that they live in are called like them.
Python would put a subpackage in the place of its function when somebody imports from it; this module keeps the
function.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtester.research import overfitting as overfitting
    from backtester.research.lookahead import LookAheadReport as LookAheadReport
    from backtester.research.lookahead import check_lookahead as check_lookahead
    from backtester.research.stress import Stress as Stress
    from backtester.research.stress import stress as stress
    from backtester.research.sweep import Sweep as Sweep
    from backtester.research.sweep import sweep as sweep
    from backtester.research.walk_forward import WalkForwardResult as WalkForwardResult
    from backtester.research.walk_forward import walk_forward as walk_forward

#: name: the module of this package that has it; "" is a subpackage of that name
_HOMES = {
    "LookAheadReport": "lookahead",
    "Stress": "stress",
    "Sweep": "sweep",
    "WalkForwardResult": "walk_forward",
    "check_lookahead": "lookahead",
    "overfitting": "",
    "stress": "stress",
    "sweep": "sweep",
    "walk_forward": "walk_forward",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        from backtester.errors import did_you_mean

        raise AttributeError(f"module 'backtester.research' has no attribute {name!r}{did_you_mean(name, _HOMES)}")
    module = import_module(f"backtester.research.{home or name}")
    value = getattr(module, name) if home else module
    globals()[name] = value
    return value


class _Research(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and _HOMES.get(name)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Research
