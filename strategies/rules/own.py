"""A function of the user's own as a rule, compiled with the strategy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import ParameterError
from strategies.rules.rule import Decide, Floats, Prepared, Rule, prepared

if TYPE_CHECKING:
    from backtester.bars import Bars
    from strategies.rules.source import Source


@dataclass(frozen=True)
class Own(Rule):
    """Target what `function(ctx, a, value, state)` returns, asset by asset.

    Parameters
    ----------
    function : callable
        Plain or jitted: it is compiled with the strategy, so that of a jitted one the Python function is taken. It
        gets the `ctx` of `on_bar`, the asset, the asset's signal (never NaN) and its memory, and returns the exposure
        that the asset should have, a signed fraction of equity, or NaN to leave it alone. Other functions it calls are
        compiled too. It must not order by itself.
    n_state : int
        Numbers of memory: `state` is float64 [n_state] of the asset, zeros at first, changed in place.

    Raises
    ------
    ParameterError
        If function cannot be called, or n_state is no int above 0.
    """

    function: Callable[[Any, int, float, Floats], float]
    n_state: int = 4

    def __post_init__(self) -> None:
        if not callable(self.function) or isinstance(self.function, type):
            raise ParameterError(
                f"Own: function is {self.function!r}; it is a function f(ctx, a, value, state) that returns an exposure"
            )
        self._check_count("n_state", 1)

    def prepare(self, bars: Bars, source: Source) -> Prepared:
        """Return what the strategy runs; see `Rule.prepare`."""
        return prepared(_each(getattr(self.function, "py_func", self.function)), bars, [], n_state=self.n_state)


def _each(function: Callable[[Any, int, float, Floats], float]) -> Decide:
    def decide(ctx: Any, values: Floats, panel: Floats, numbers: Floats, state: Floats, targets: Floats) -> None:
        for a in range(ctx.n_assets):
            if np.isfinite(values[-1, a]):
                targets[a] = function(ctx, a, values[-1, a], state[a])

    return decide
