"""The scenarios of a stress test, from what `stress` was told; what cannot be done is a scenario that says why."""

from __future__ import annotations

import enum
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.kernel.codes import SameBar
from backtester.research.overfitting import optimal_block_length
from backtester.research.stress.changes import (
    CostsTimes,
    Elsewhere,
    Jittered,
    Later,
    Nothing,
    Remade,
    SameBarRule,
    pays_nothing,
)
from backtester.research.stress.edge import COMPARING
from backtester.research.stress.lab import Scenario
from backtester.research.stress.markets import Bootstrapped, Cut, Market, Mirrored, MissingBars, MissingRows

if TYPE_CHECKING:
    from backtester.engine.settings import Settings
    from backtester.strategy import Strategy

BASE = "base"
#: what is stressed, in the order of the table
KINDS = ("costs", "delay", "same_bar", "missing_bars", "missing_rows", "jitter", "start", "end", "bootstrap", "luck")
SHIFTS = (1, 5, 21, 63, 252)  # bars; those below half of the data
_LEAST = 11  # bars with returns that a block length can be chosen for


@dataclass(frozen=True)
class Plan:
    """What `stress` was told, checked; `scenarios` makes the rows of it."""

    strategy: Strategy
    market: Market
    settings: Settings
    metric: str
    costs: tuple[float, ...]
    delays: tuple[int, ...]
    missing: tuple[float, ...]
    draws: int
    jitter: float | None
    starts: tuple[int, ...] | None
    ends: tuple[int, ...] | None
    bootstraps: int
    simulations: int
    seed: int
    kinds: tuple[str, ...]

    def scenarios(self) -> Iterator[Scenario]:
        """Yield all rows in their order, the run itself first."""
        yield Scenario(BASE, "as it ran", 0.0, Nothing())
        for kind in KINDS:
            if kind in self.kinds:
                yield from getattr(self, f"_{kind}")()

    @property
    def block_length(self) -> float:
        """Mean length of the blocks of the bootstrap, in bars: the longest of the assets'.

        That of the absolute moves, whose dependence lasts longer than that of the moves themselves.
        """
        usable = [moves for moves in self.market.returns if len(moves) >= _LEAST - 1]
        return max(float(optimal_block_length(np.abs(moves))[0]) for moves in usable)

    def _costs(self) -> Iterator[Scenario]:
        if self.costs and pays_nothing(self.settings.costs):
            why = "the run pays no costs; give it some: run(…, costs=Costs(commission=0.001))"
            yield Scenario("costs", "not applicable", np.nan, None, why)
            return
        for factor in self.costs:
            yield Scenario("costs", f"costs × {factor:g}", factor, CostsTimes(factor))

    def _delay(self) -> Iterator[Scenario]:
        for bars in self.delays:
            yield Scenario("delay", f"{counted(bars)} later", float(bars), Later(bars))

    def _same_bar(self) -> Iterator[Scenario]:
        for rule in SameBar:
            name = rule.name.lower()
            yield Scenario("same_bar", name, float(rule), SameBarRule(name))

    def _missing_bars(self) -> Iterator[Scenario]:
        for fraction in self.missing:
            for draw in range(self.draws):
                change = Elsewhere(MissingBars(fraction, self.seed, draw))
                yield Scenario(
                    "missing_bars", f"{percent(fraction)} of the bars missing, draw {draw}", fraction, change
                )

    def _missing_rows(self) -> Iterator[Scenario]:
        for fraction in self.missing:
            for draw in range(self.draws):
                change = Elsewhere(MissingRows(fraction, self.seed, draw))
                yield Scenario(
                    "missing_rows", f"{percent(fraction)} of the rows missing, draw {draw}", fraction, change
                )

    def _jitter(self) -> Iterator[Scenario]:
        if self.jitter is None:
            return
        numbers = numeric_parameters(self.strategy)
        if not numbers:
            yield Scenario("jitter", "not applicable", np.nan, None, "the strategy has no numeric parameter")
            return
        steps = [sign * times * self.jitter for times in (1, 2) for sign in (-1, 1)]
        for name, value in numbers.items():
            seen = {value}
            for step in steps:
                moved = moved_by(value, step)
                if moved not in seen:
                    seen.add(moved)
                    change = Jittered(((name, moved),))
                    yield Scenario("jitter", f"{name} {value:g} → {moved:g}", moved / value - 1.0, change)
            if value == 0:
                yield Scenario("jitter", f"{name} 0", np.nan, None, f"{name} is 0, of which no fraction is a change")
        if len(numbers) > 1:
            for step in steps:
                moved_all = tuple((name, moved_by(value, step)) for name, value in numbers.items())
                yield Scenario("jitter", f"all parameters {step:+.0%}", step, Jittered(moved_all))

    def _start(self) -> Iterator[Scenario]:
        for bars in self._shifts(self.starts):
            yield Scenario("start", f"first {counted(bars)} cut off", float(bars), Elsewhere(Cut(head=bars)))

    def _end(self) -> Iterator[Scenario]:
        for bars in self._shifts(self.ends):
            yield Scenario("end", f"last {counted(bars)} cut off", float(bars), Elsewhere(Cut(tail=bars)))

    def _shifts(self, given: tuple[int, ...] | None) -> tuple[int, ...]:
        n_bars = self.market.bars.n_bars
        return given if given is not None else tuple(bars for bars in SHIFTS if 2 * bars < n_bars)

    def _bootstrap(self) -> Iterator[Scenario]:
        why = self._not_remade() or self._not_in_other_order()
        if why and self.bootstraps:
            yield Scenario("bootstrap", "not applicable", np.nan, None, why)
            return
        length = self.block_length if self.bootstraps else 1.0
        for draw in range(self.bootstraps):
            change = Remade(Bootstrapped(length, self.seed, draw))
            yield Scenario("bootstrap", f"blocks of {length:.1f} bars, draw {draw}", float(draw), change)

    def _luck(self) -> Iterator[Scenario]:
        why = self._not_remade()
        if why and self.simulations:
            yield Scenario("luck", "not applicable", np.nan, None, why)
            return
        for draw in range(self.simulations):
            change = Remade(Mirrored(self.seed, draw))
            yield Scenario("luck", f"moves without direction, draw {draw}", float(draw), change)

    def _not_remade(self) -> str:
        """Return why no other market can be made of the bars; "" where it can."""
        bars = self.market.bars
        if self.metric in COMPARING and not isinstance(self.settings.benchmark, str):
            return f"{self.metric} compares with a benchmark from outside, which has no prices in another market"
        events = [name for name in ("split", "dividend", "adj_close") if name in bars.extras]
        if bars.allow_negative and events:
            return f"prices may be negative, and {events[0]} is a fraction of them"
        if not any(len(moves) >= _LEAST - 1 for moves in self.market.returns):
            return f"no asset has {_LEAST} bars, which is the least that blocks can be made of"
        return ""

    def _not_in_other_order(self) -> str:
        """Return why the rows cannot come in another order; "" where they can."""
        n_bars = self.market.bars.n_bars
        tied = next((name for name, value in self.strategy.parameters.items() if is_tied(value, n_bars)), "")
        return (
            f"{tied} holds values of these very bars, which would not be those of bars in another order" if tied else ""
        )


def is_tied(value: Any, n_bars: int) -> bool:
    """Whether a parameter is values over time: a signal, bars, a Series or a frame, or an array with a row per bar."""
    if hasattr(value, "timestamps") or hasattr(value, "iloc"):
        return True
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.shape[0] == n_bars


def counted(bars: int) -> str:
    """Return a number of bars in words."""
    return f"{bars:,} bar" if bars == 1 else f"{bars:,} bars"


def percent(fraction: float) -> str:
    """Return a fraction as it is read."""
    return f"{100.0 * fraction:.3g}%"


def numeric_parameters(strategy: Strategy) -> dict[str, Any]:
    """Return the parameters that are numbers, and may be another: no bool, no enum, no choice from a list."""
    types = type(strategy).parameter_types()
    return {
        name: value
        for name, value in strategy.parameters.items()
        if isinstance(value, (int, float)) and not isinstance(value, (bool, enum.Enum)) and np.isfinite(value)
        if typing.get_origin(types[name][0]) is not typing.Literal
    }


def moved_by(value: Any, step: float) -> Any:
    """Return a number changed by a signed fraction of itself; a whole number stays whole, and moves by 1 at least."""
    if isinstance(value, float) or value == 0:
        return value * (1.0 + step) if isinstance(value, float) else value
    whole = max(1, round(abs(value * step)))
    return value + whole if (step > 0) == (value > 0) else value - whole
