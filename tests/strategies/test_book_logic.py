"""As `test_shipped_logic`, for the strategies whose orders rest: every fill is that of the rules in plain Python."""

import numpy as np
import pytest
from slow import CASH
from slow_books import GridMarket, TrailingMarket, TurtleMarket
from test_shipped_logic import CREDIT, market

from backtester import Bars, run
from strategies import GridTrading, TrendTrailingStop, Turtle

CASES = [
    (Turtle, TurtleMarket, {"entry": 10, "exit": 5, "failsafe": 20, "atr_period": 8}),
    (Turtle, TurtleMarket, {"entry": 12, "exit": 6, "failsafe": 0, "atr_period": 10, "short": False}),
    (
        Turtle,
        TurtleMarket,
        {
            "entry": 5,
            "exit": 12,
            "failsafe": 9,
            "atr_period": 5,
            "stop": 1.0,
            "step": 0.25,
            "max_units": 6,
            "risk": 0.002,
            "leverage": 3.0,
        },
    ),
    (GridTrading, GridMarket, {"step": 0.02, "levels": 8, "short": False}),
    (GridTrading, GridMarket, {"step": 0.01, "levels": 12, "short": True}),
    (
        TrendTrailingStop,
        TrailingMarket,
        {"trend": 30, "entry": 6, "atr_period": 10, "stop_atrs": 2.0, "risk": 0.02, "short": True},
    ),
    (
        TrendTrailingStop,
        TrailingMarket,
        {"trend": 12, "entry": 2, "atr_period": 20, "stop_atrs": 0.7, "risk": 0.001, "short": False},
    ),
]
IDS = [f"{case[0].__name__}{number}" for number, case in enumerate(CASES)]


def by_price(fills):
    return sorted(fills, key=lambda fill: (fill[0], fill[1], round(fill[3], 6), round(fill[2], 6)))


@pytest.mark.parametrize("data", ["whole", "gaps", "sample"])
@pytest.mark.parametrize(("cls", "slow", "settings"), CASES, ids=IDS)
def test_every_fill(cls, slow, settings, data):
    made = [market(seed, 220, 3, data == "gaps") for seed in (1, 2)]
    for bars in [Bars.sample("stocks").adjusted()[1000:1300]] if data == "sample" else made:
        result = run(cls(**settings), bars, cash=CASH, account=CREDIT, mode="compiled")
        other = slow(bars, **settings)
        expected = by_price(other.play(other.decide))
        found = by_price(result.tables.fills[["bar", "asset", "quantity", "price"]].tolist())
        assert len(found) > 10
        assert [row[:2] for row in found] == [row[:2] for row in expected]
        np.testing.assert_allclose(np.array(found)[:, 2:], np.array(expected)[:, 2:], rtol=1e-8)
