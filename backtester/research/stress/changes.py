"""What a scenario changes: costs, delay, the same-bar rule, parameters, or the market; each a small frozen object."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from backtester.costs import Costs
from backtester.research.stress.markets import Market

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.engine.settings import Settings

#: what `scaled` multiplies; what idle cash earns is no cost
SCALED = (
    *("commission", "commission_per_unit", "commission_per_order", "commission_min", "spread", "slippage", "impact"),
    *("borrow_rate", "debit_rate"),
)


class Case(NamedTuple):
    """What is run: parameters that differ from the run's own, bars and settings."""

    parameters: dict[str, Any]
    bars: Bars
    settings: Settings


class Change(Protocol):
    """What makes the case of a scenario out of that of the run."""

    def apply(self, case: Case, market: Market) -> Case:
        """Return the case; `market` is that of the run."""
        ...


@dataclass(frozen=True)
class Nothing:
    """The run itself."""

    def apply(self, case: Case, market: Market) -> Case:
        """Return the case as it is."""
        return case


@dataclass(frozen=True)
class CostsTimes:
    """All costs multiplied."""

    factor: float

    def apply(self, case: Case, market: Market) -> Case:
        """Return the case with other costs."""
        return case._replace(
            settings=dataclasses.replace(case.settings, costs=scaled(case.settings.costs, self.factor))
        )


@dataclass(frozen=True)
class Later:
    """Orders, cancels and changes so many bars later than in the run."""

    bars: int

    def apply(self, case: Case, market: Market) -> Case:
        """Return the case with another latency."""
        execution = case.settings.execution
        late = dataclasses.replace(execution, latency_bars=int(execution.latency_bars) + self.bars)
        return case._replace(settings=dataclasses.replace(case.settings, execution=late))


@dataclass(frozen=True)
class SameBarRule:
    """Another rule for bars that reach both legs of a pair."""

    rule: Any

    def apply(self, case: Case, market: Market) -> Case:
        """Return the case with the rule."""
        execution = dataclasses.replace(case.settings.execution, same_bar=self.rule)
        return case._replace(settings=dataclasses.replace(case.settings, execution=execution))


@dataclass(frozen=True)
class Jittered:
    """Other values of some parameters."""

    parameters: tuple[tuple[str, float], ...]

    def apply(self, case: Case, market: Market) -> Case:
        """Return the case with the values."""
        return case._replace(parameters=dict(self.parameters))


@dataclass(frozen=True)
class Elsewhere:
    """Another market, made by an object of `markets`."""

    make: Any

    def apply(self, case: Case, market: Market) -> Case:
        """Return the case in that market, with the benchmark's prices of its rows."""
        bars, rows = self.make.apply(market)
        benchmark = case.settings.benchmark
        if rows is not None and is_per_bar(benchmark):
            benchmark = np.asarray(benchmark)[rows]
        return case._replace(bars=bars, settings=dataclasses.replace(case.settings, benchmark=benchmark))


@dataclass(frozen=True)
class Remade(Elsewhere):
    """A market with other prices: a benchmark from outside of it has none there, and is left out."""

    def apply(self, case: Case, market: Market) -> Case:
        """Return the case in that market."""
        if not isinstance(case.settings.benchmark, str):
            case = case._replace(settings=dataclasses.replace(case.settings, benchmark=None))
        return super().apply(case, market)


def is_per_bar(benchmark: Any) -> bool:
    """Whether a benchmark is prices without times, one for each bar."""
    if benchmark is None or isinstance(benchmark, str) or hasattr(benchmark, "timestamps"):
        return False
    return not hasattr(getattr(benchmark, "index", None), "asi8")


def scaled(costs: Costs, factor: float) -> Costs:
    """Return costs times a factor: all of commission, spread, slippage, impact, and what borrowing costs.

    What idle cash earns (`cash_rate`) stays: it is no cost.

    Raises
    ------
    SettingsError
        A commission, spread or slippage comes to more than the price itself.
    """
    if factor == 1.0:
        return costs
    return dataclasses.replace(costs, **{name: _times(getattr(costs, name), factor) for name in SCALED})


def pays_nothing(costs: Costs) -> bool:
    """Whether all that `scaled` multiplies is 0."""
    given = [getattr(costs, name) for name in SCALED]
    return not any(callable(one) or np.any(np.asarray(_numbers(one)) != 0.0) for one in given)


def _numbers(value: Any) -> Any:
    return list(value.values()) if hasattr(value, "values") and callable(value.values) else value


def _times(value: Any, factor: float) -> Any:
    if callable(value):
        return _commission(value, factor)
    if hasattr(value, "items"):
        return {name: one * factor for name, one in value.items()}
    found = np.asarray(value, np.float64) * factor
    return float(found) if found.ndim == 0 else found


def _commission(function: Callable[[float, float], float], factor: float) -> Callable[[float, float], float]:
    """Return a commission function times a factor, as one that numba compiles."""
    import numba

    own = numba.njit(getattr(function, "py_func", function))

    def commission(price: float, quantity: float) -> float:
        return factor * own(price, quantity)  # type: ignore[no-any-return]

    return commission
