"""Two thresholds with a dead band between them: in above the one, out below the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backtester.errors import ParameterError
from strategies.rules.rule import Floats, Prepared, Rule, prepared

if TYPE_CHECKING:
    from backtester.bars import Bars
    from strategies.rules.source import Source


@dataclass(frozen=True)
class Threshold(Rule):
    """Go long when the signal is above `enter`, short when it is below −`enter`; stay until it is back at `leave`.

    A long position is kept while the signal is above `leave`, a short one while it is below −`leave`. Between `leave`
    and `enter` lies the dead band, in which nothing changes: a signal that moves there is not worth the costs.

    Parameters
    ----------
    enter : float
        In the unit of the signal, 0 or more.
    leave : float, optional
        At most `enter`, and more than −`enter`. Below 0 a position outlives a signal that is a little against it. By
        default half of `enter`.
    size : float
        Exposure of all assets together, as a fraction of equity, above 0; each has size/n_assets.

    Raises
    ------
    ParameterError
        If a number is out of range.

    Examples
    --------
    >>> Threshold(enter=0.002, leave=0.0)
    Threshold(enter=0.002, leave=0.0, size=1.0)
    """

    enter: float
    leave: float | None = None
    size: float = 1.0

    def __post_init__(self) -> None:
        self._check_number("enter", least=0.0)
        self._check_number("size", above=0.0)
        if self.leave is None:
            return
        self._check_number("leave")
        if self.leave > self.enter or (self.leave <= -self.enter and self.leave < 0.0):
            raise ParameterError(
                f"Threshold: leave is {self.leave!r} and enter is {self.enter!r}; leave must be at most enter, and "
                "more than −enter"
            )

    def prepare(self, bars: Bars, source: Source) -> Prepared:
        """Return what the strategy runs; see `Rule.prepare`."""
        leave = 0.5 * self.enter if self.leave is None else self.leave
        return prepared(decide, bars, [self.enter, leave, self.size / bars.n_assets], n_state=1)


def decide(ctx: Any, values: Floats, panel: Floats, numbers: Floats, state: Floats, targets: Floats) -> None:
    """Write the targets; see `strategies.rules.rule`. `state` [n_assets, 1] is the side: −1, 0 or 1."""
    enter, leave, size = numbers[0], numbers[1], numbers[2]
    for a in range(ctx.n_assets):
        value, side = values[-1, a], state[a, 0]
        if value > enter:
            side = 1.0
        elif value < -enter:
            side = -1.0
        elif (side > 0.0 and value <= leave) or (side < 0.0 and value >= -leave):
            side = 0.0
        if value == value:
            state[a, 0] = side
            targets[a] = side * size
