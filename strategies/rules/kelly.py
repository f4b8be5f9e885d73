"""The growth-optimal exposure, or a fraction of it: expected return over variance.

Source: John L. Kelly, "A New Interpretation of Information Rate", Bell System Technical Journal 35 (1956), 917-926; for
returns that are nearly normal, f* = μ/σ²: Edward O. Thorp, "The Kelly Criterion in Blackjack, Sports Betting and the
Stock Market", in: Handbook of Asset and Liability Management, volume 1, North-Holland, 2006, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import ParameterError
from strategies.rules.rule import Floats, Prepared, Rule, prepared

if TYPE_CHECKING:
    from backtester.bars import Bars
    from strategies.rules.source import Source


@dataclass(frozen=True)
class Kelly(Rule):
    """Target fraction·μ/(h·σ²): the signal μ is the expected return over h bars, σ² the variance of one bar.

    σ² is that (n − 1) of the last `window` log returns of the asset's own bars up to now, prices adjusted for splits
    and dividends; where it is not known, or 0, the asset is left alone. Assets are taken as uncorrelated, so that each
    has its own exposure; `max_exposure` of the strategy bounds them together.

    Parameters
    ----------
    fraction : float
        Of the growth-optimal exposure, above 0 and up to 1. An estimate of μ is never that good: half of it keeps three
        quarters of the growth at half the volatility.
    window : int
        Returns in σ², 2 or more.
    cap : float
        Largest exposure of one asset, to either side, above 0.
    horizon : int, optional
        h, 1 or more. Default: that of the label, 1 where it is not known.

    Raises
    ------
    ParameterError
        If a number is out of range; when it is prepared, if the signal is no return.
    """

    fraction: float = 0.5
    window: int = 60
    cap: float = 1.0
    horizon: int | None = None

    def __post_init__(self) -> None:
        self._check_number("fraction", above=0.0)
        self._check("fraction", self.fraction <= 1.0, "at most 1: more than that has less growth at more risk")
        self._check_count("window", 2)
        self._check_number("cap", above=0.0)
        if self.horizon is not None:
            self._check_count("horizon", 1)

    def prepare(self, bars: Bars, source: Source) -> Prepared:
        """Return what the strategy runs; see `Rule.prepare`."""
        if source.signal.classes or source.label not in ("", "forward_return"):
            learnt = source.label or "classes"
            raise ParameterError(
                f"Kelly: the signal {source.signal.name!r} predicts {learnt}, and Kelly reads it as an expected "
                "return; learn forward_return, or take another rule"
            )
        horizon = source.horizon if self.horizon is None else self.horizon
        variance = horizon * np.square(source.volatility(bars, self.window))
        return prepared(decide, bars, [self.fraction, self.cap], panel=variance[:, :, np.newaxis])


def decide(ctx: Any, values: Floats, panel: Floats, numbers: Floats, state: Floats, targets: Floats) -> None:
    """Write the targets; see `strategies.rules.rule`."""
    fraction, cap = numbers[0], numbers[1]
    for a in range(ctx.n_assets):
        wanted = fraction * values[-1, a] / panel[-1, a, 0]
        if wanted == wanted:
            wanted = min(max(wanted, -cap), cap)
        targets[a] = wanted
