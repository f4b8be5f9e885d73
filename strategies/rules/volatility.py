"""Another rule's targets, larger in calm markets and smaller in rough ones.

Source: Tobias J. Moskowitz, Yao Hua Ooi and Lasse Heje Pedersen, "Time Series Momentum", Journal of Financial Economics
104 (2012), 228-250: positions in proportion to the target volatility over that of the asset. They weight past returns
exponentially; here it is a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import ParameterError
from strategies.rules.rule import Decide, Floats, Prepared, Rule

if TYPE_CHECKING:
    from backtester.bars import Bars
    from strategies.rules.source import Source


@dataclass(frozen=True)
class VolatilityScaled(Rule):
    """Multiply the targets of another rule by target/σ, at most by `cap`, σ being the asset's volatility.

    σ is the standard deviation (n − 1) of the last `window` log returns of the asset's own bars up to now, prices
    adjusted for splits and dividends, times √bars_per_year. Where it is not known, or 0, the asset is left alone.

    Parameters
    ----------
    target : float
        Volatility per year that a target of 1 is to have, above 0: 0.1 is 10 %.
    window : int
        Returns in σ, 2 or more.
    cap : float
        Largest factor, above 0.
    rule : Rule or str
        Whose targets are scaled; any rule but this one.
    bars_per_year : float
        Above 0: 252 for days of stocks, 365 for days of currencies that trade at weekends.

    Raises
    ------
    ParameterError
        If a number is out of range, or the rule is none.
    """

    target: float = 0.1
    window: int = 20
    cap: float = 2.0
    rule: Any = "sign"
    bars_per_year: float = 252.0

    def __post_init__(self) -> None:
        from strategies.rules.named import as_rule

        for name in ("target", "cap", "bars_per_year"):
            self._check_number(name, above=0.0)
        self._check_count("window", 2)
        if isinstance(as_rule(self.rule), VolatilityScaled):
            raise ParameterError("VolatilityScaled: rule is a VolatilityScaled itself; scale once")

    def prepare(self, bars: Bars, source: Source) -> Prepared:
        """Return what the strategy runs; see `Rule.prepare`."""
        from strategies.rules.named import as_rule

        inner = as_rule(self.rule).prepare(bars, source)
        factor = np.minimum(self.target / source.volatility(bars, self.window, self.bars_per_year), self.cap)
        panel = np.concatenate([inner.panel, factor[:, :, np.newaxis]], axis=2)
        return Prepared(_scaled(inner.decide), inner.numbers, panel, inner.state)


def _scaled(inner: Decide) -> Decide:
    """Return a function that multiplies what another decides by the last column of the panel."""

    def decide(ctx: Any, values: Floats, panel: Floats, numbers: Floats, state: Floats, targets: Floats) -> None:
        inner(ctx, values, panel, numbers, state, targets)
        last = panel.shape[2] - 1
        for a in range(ctx.n_assets):
            if targets[a] != 0.0:  # nothing is nothing, however rough the market
                targets[a] *= panel[-1, a, last]

    return decide
