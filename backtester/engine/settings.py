"""What `run` was told, checked once and frozen."""

from __future__ import annotations

import math
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from backtester.costs import Account, Costs, Execution
from backtester.errors import SettingsError, StrategyError, did_you_mean
from backtester.strategy import Strategy

if TYPE_CHECKING:
    from backtester.bars import Bars

MODES = ("auto", "compiled", "interpreted")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything of a run besides strategy and bars."""

    cash: float = 100_000.0
    costs: Costs = field(default_factory=Costs)
    account: Account = field(default_factory=Account)
    execution: Execution = field(default_factory=Execution)
    benchmark: Any = None
    risk_free: float = 0.0
    periods_per_year: float | None = None
    close_at_end: bool = False
    mode: Literal["auto", "compiled", "interpreted"] = "auto"
    seed: int = 0
    progress: bool | None = None

    def __post_init__(self) -> None:
        _finite("cash", self.cash, positive=True)
        _finite("risk_free", self.risk_free)
        if self.periods_per_year is not None:
            _finite("periods_per_year", self.periods_per_year, positive=True)
        for name, kind in (("costs", Costs), ("account", Account), ("execution", Execution)):
            value = getattr(self, name)
            article = "an" if kind.__name__[0] in "AE" else "a"
            if not isinstance(value, kind):
                raise SettingsError(
                    f"run: {name} must be {article} {kind.__name__}, found {value!r}; write {name}={kind.__name__}(…)"
                )
        if self.mode not in MODES:
            raise SettingsError(f"run: mode is {self.mode!r}{did_you_mean(str(self.mode), MODES)}; one of {MODES}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, (int, np.integer)):
            raise SettingsError(f"run: seed must be a whole number, found {self.seed!r}")
        if not isinstance(self.progress, (bool, types.NoneType)):
            raise SettingsError(f"run: progress must be True, False or None, found {self.progress!r}")
        if not isinstance(self.close_at_end, (bool, np.bool_)):
            raise SettingsError(f"run: close_at_end must be True or False, found {self.close_at_end!r}")


def _finite(name: str, value: Any, positive: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise SettingsError(f"run: {name} must be a number, found {value!r} ({type(value).__name__})")
    if not math.isfinite(value) or (positive and value <= 0):
        raise SettingsError(f"run: {name} is {value!r}; it must be finite{' and greater than 0' if positive else ''}")


def as_strategy(strategy: Any) -> Strategy:
    """Return a strategy instance; a class stands for itself with its default parameters."""
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        return strategy()
    if isinstance(strategy, Strategy):
        return strategy
    raise StrategyError(
        f"run: the first argument must be a Strategy, found {type(strategy).__name__}; "
        "subclass backtester.Strategy and pass an instance, e.g. run(SmaCross(fast=20), bars)"
    )


def as_bars(bars: Any) -> Bars:
    """Return bars, and say how to make them from anything else."""
    from backtester.bars import Bars

    if isinstance(bars, Bars):
        return bars
    raise SettingsError(
        f"run: the second argument must be Bars, found {type(bars).__name__}; "
        "make them with Bars.from_frame(frame), Bars.from_csv(path) or Bars.sample(name)"
    )
