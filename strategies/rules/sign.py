"""The sign of the signal: long where it is above zero, short where it is below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from strategies.rules.rule import Floats, Prepared, Rule, prepared

if TYPE_CHECKING:
    from backtester.bars import Bars
    from strategies.rules.source import Source


@dataclass(frozen=True)
class Sign(Rule):
    """Target +size/n_assets where the signal is above 0, −size/n_assets where it is below, and 0 where it is 0.

    Parameters
    ----------
    size : float
        Exposure of all assets together, as a fraction of equity, above 0.

    Raises
    ------
    ParameterError
        If size is not above 0.
    """

    size: float = 1.0

    def __post_init__(self) -> None:
        self._check_number("size", above=0.0)

    def prepare(self, bars: Bars, source: Source) -> Prepared:
        """Return what the strategy runs; see `Rule.prepare`."""
        return prepared(decide, bars, [self.size / bars.n_assets])


def decide(ctx: Any, values: Floats, panel: Floats, numbers: Floats, state: Floats, targets: Floats) -> None:
    """Write the targets; see `strategies.rules.rule`."""
    for a in range(ctx.n_assets):
        if values[-1, a] > 0.0:
            targets[a] = numbers[0]
        elif values[-1, a] < 0.0:
            targets[a] = -numbers[0]
        else:
            targets[a] = 0.0
