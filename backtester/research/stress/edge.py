"""What an edge is: a metric above the value at which it says that there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from backtester.errors import SettingsError, did_you_mean
from backtester.research.sweep.objective import metric_names

#: metrics that an edge can be seen in, and what each is without one
FLOORS = {
    **dict.fromkeys(("sharpe", "sortino", "calmar", "information_ratio"), 0.0),
    **dict.fromkeys(("total_return", "cagr", "annual_return", "money_weighted_return", "alpha"), 0.0),
    **dict.fromkeys(("expectancy", "average_trade_return"), 0.0),
    **dict.fromkeys(("omega", "profit_factor"), 1.0),
    "probabilistic_sharpe": 0.5,
}
#: metrics against a benchmark
COMPARING = ("alpha", "information_ratio")


@dataclass(frozen=True)
class Edge:
    """A metric, and what it is without an edge.

    Attributes
    ----------
    metric : str
    floor : float
        0 for a Sharpe ratio or a return, 1 for a profit factor.
    """

    metric: str
    floor: float

    def holds(self, value: float) -> bool:
        """Whether a value shows an edge; NaN, as without any trade, shows none."""
        return not math.isnan(value) and value > self.floor


def edge_of(metric: Any) -> Edge:
    """Return the edge of a metric by name.

    Raises
    ------
    SettingsError
        There is no such metric, or no value of it separates an edge from none.
    """
    if metric in FLOORS:
        return Edge(metric, FLOORS[metric])
    listed = ", ".join(FLOORS)
    if metric in metric_names():
        raise SettingsError(
            f"stress: metric is {metric!r}, of which no value means that the edge is gone; take one of {listed}"
        )
    raise SettingsError(f"stress: there is no metric {metric!r}{did_you_mean(str(metric), FLOORS)}; one of {listed}")
