"""What a sweep looks for: metrics by name, or functions of the metrics or of the whole result."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from backtester.errors import SettingsError, did_you_mean

#: metrics of which less is better; of all others more is
LESS_IS_BETTER = frozenset(
    {
        *("annual_volatility", "max_drawdown", "max_drawdown_duration", "value_at_risk", "conditional_value_at_risk"),
        *("total_costs", "commission", "spread", "slippage", "impact", "rounding", "borrow", "turnover"),
        "ambiguous_bars",
    }
)


@cache
def metric_names() -> tuple[str, ...]:
    """Return the names of all metrics, in their order."""
    from backtester.metrics import summary

    return tuple(summary(np.ones(2), np.arange(2)))


@dataclass(frozen=True)
class Objective:
    """One objective.

    Attributes
    ----------
    name : str
        Of the metric or of the function, "objective" for a lambda; a column of the table.
    function : callable or None
        None where it is a metric.
    of_result : bool
        Whether the function takes a `Result` rather than a dict of metrics.
    maximize : bool
    """

    name: str
    function: Callable[[Any], Any] | None
    of_result: bool
    maximize: bool

    def score(self, metrics: Mapping[str, float], result: Callable[[], Any]) -> float:
        """Return the value for one run; `result` is called where the whole result is needed."""
        if self.function is None:
            return float(metrics[self.name])
        found = self.function(result() if self.of_result else dict(metrics))
        if isinstance(found, int | float | np.number) and not isinstance(found, bool):
            return float(found)
        name = getattr(self.function, "__name__", self.name)
        raise SettingsError(
            f"sweep: the objective {name} returned {found!r} ({type(found).__name__}); it returns a number"
        )


def make_objectives(
    given: Any, maximize: bool | Sequence[bool] | None, parameters: Collection[str] = ()
) -> tuple[Objective, ...]:
    """Return the objectives for what `sweep` was given.

    A function that is called like another column of the table is NAME_objective: like a metric, like one of the
    `parameters` that vary, or "error".

    Raises
    ------
    SettingsError
        An unknown metric, no objective, one twice, or a wrong number of directions.
    """
    listed = list(given) if isinstance(given, list | tuple) else [given]
    if not listed:
        raise SettingsError("sweep: objective is empty; name a metric, e.g. objective='sharpe'")
    if maximize is None or isinstance(maximize, bool):
        directions: list[bool | None] = [maximize] * len(listed)
    else:
        directions = list(maximize)
    if len(directions) != len(listed) or not all(isinstance(one, bool) or one is None for one in directions):
        raise SettingsError(
            f"sweep: maximize is {maximize!r}; it is True, False, or one of them for each of {len(listed)} objectives"
        )
    taken = {*metric_names(), *parameters, "error"}
    made = tuple(_objective(one, direction, taken) for one, direction in zip(listed, directions, strict=True))
    names = [one.name for one in made]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"sweep: the objective {name!r} is there twice; name functions differently (def)")
    return made


def _objective(given: Any, maximize: bool | None, taken: Collection[str]) -> Objective:
    if isinstance(given, str):
        if given not in metric_names():
            raise SettingsError(
                f"sweep: there is no metric {given!r}{did_you_mean(given, metric_names())} "
                f"(metrics: {', '.join(metric_names())})"
            )
        return Objective(given, None, False, given not in LESS_IS_BETTER if maximize is None else maximize)
    if not callable(given):
        raise SettingsError(
            f"sweep: objective is {given!r}; it is the name of a metric, a function of the metrics, or a list of them"
        )
    name = getattr(given, "__name__", type(given).__name__)
    name = "objective" if name == "<lambda>" else name
    while name in taken:
        name = f"{name}_objective"
    return Objective(name, given, _takes_result(given), True if maximize is None else maximize)


def _takes_result(function: Callable[..., Any]) -> bool:
    """Whether the first parameter of a function is called `result`."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return False
    return bool(names) and names[0] == "result"
