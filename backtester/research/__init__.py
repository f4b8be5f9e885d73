"""Research: search a parameter space, and know whether to believe what was found.

`backtester.research.sweep` searches, `backtester.research.overfitting` holds the statistics,
`backtester.research.lookahead` tries whether anything knows its future. Subpackages are loaded when they are first
used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtester.research import overfitting as overfitting
    from backtester.research.lookahead import LookAheadReport as LookAheadReport
    from backtester.research.lookahead import check_lookahead as check_lookahead
    from backtester.research.sweep import Sweep as Sweep
    from backtester.research.sweep import sweep as sweep

#: name: the module of this package that has it; "" is a subpackage of that name
_HOMES = {
    "LookAheadReport": "lookahead",
    "Sweep": "sweep",
    "check_lookahead": "lookahead",
    "overfitting": "",
    "sweep": "sweep",
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
