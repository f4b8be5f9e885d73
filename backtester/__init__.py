"""Backtesting and algorithmic trading: ordinary Python strategies at machine-code speed, on one honest kernel.

Names are loaded when they are first used, so that `import backtester` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtester.bars import Bars as Bars
    from backtester.costs import Account as Account
    from backtester.costs import Costs as Costs
    from backtester.costs import Execution as Execution
    from backtester.diff import compare as compare
    from backtester.engine import run as run
    from backtester.instruments import Instrument as Instrument
    from backtester.research.lookahead import LookAheadReport as LookAheadReport
    from backtester.research.lookahead import check_lookahead as check_lookahead
    from backtester.research.stress import Stress as Stress
    from backtester.research.stress import stress as stress
    from backtester.research.sweep import Sweep as Sweep
    from backtester.research.sweep import sweep as sweep
    from backtester.research.walk_forward import WalkForwardResult as WalkForwardResult
    from backtester.research.walk_forward import walk_forward as walk_forward
    from backtester.result import Result as Result
    from backtester.strategy import Strategy as Strategy
    from backtester.strategy import constant as constant
    from backtester.tif import DAY as DAY
    from backtester.tif import FOK as FOK
    from backtester.tif import GTC as GTC
    from backtester.tif import GTD as GTD
    from backtester.tif import IOC as IOC

__version__ = "0.1.0"

_HOMES = {
    "Account": "costs",
    "Bars": "bars",
    "Costs": "costs",
    "DAY": "tif",
    "Execution": "costs",
    "FOK": "tif",
    "GTC": "tif",
    "GTD": "tif",
    "IOC": "tif",
    "Instrument": "instruments",
    "LookAheadReport": "research.lookahead",
    "Result": "result",
    "Strategy": "strategy",
    "Stress": "research.stress",
    "Sweep": "research.sweep",
    "WalkForwardResult": "research.walk_forward",
    "check_lookahead": "research.lookahead",
    "compare": "diff",
    "constant": "strategy",
    "run": "engine",
    "stress": "research.stress",
    "sweep": "research.sweep",
    "walk_forward": "research.walk_forward",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        from backtester.errors import did_you_mean

        raise AttributeError(f"module 'backtester' has no attribute {name!r}{did_you_mean(name, _HOMES)}")
    value = getattr(import_module(f"backtester.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
