"""Buy and hold: the same money into each asset at its first bar, and no sale."""

import numpy as np
import pytest

from backtester import Bars, Costs, run
from strategies import BuyAndHold

DAY_NS = 86_400 * 10**9
NAN = np.nan


def bars_of(opens, closes):
    opens, closes = np.array(opens, float), np.array(closes, float)
    times = (np.arange(len(closes)) + 18_000) * DAY_NS
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    return Bars.from_arrays(times, opens, high, low, closes, symbols=["A", "B"])


def test_each_asset_gets_its_part_of_the_first_equity_at_its_first_bar():
    bars = bars_of(
        [[10, NAN], [10, NAN], [8, NAN], [10, 50], [12, 40], [12, 40]],
        [[10, NAN], [10, NAN], [9, NAN], [11, 50], [12, 40], [16, 50]],
    )
    result = run(BuyAndHold, bars, cash=1000.0, mode="compiled")
    fills = result.tables.fills[["bar", "asset", "quantity", "price"]].tolist()
    # 500 at the close 10 of bar 1 are 50 units of A, bought at the next open for 8; 500 at 50 are 10 of B, bought at 40
    assert fills == [(2, 0, 50.0, 8.0), (4, 1, pytest.approx(10.0, rel=1e-12), 40.0)]
    cash = 1000.0 - 50 * 8.0 - 10 * 40.0
    assert result.equity.iloc[-1] == pytest.approx(cash + 50 * 16.0 + 10 * 50.0, rel=1e-12)


def test_what_does_not_fit_is_scaled_alike():
    bars = bars_of([[10, 20], [10, 20], [12.5, 25]], [[10, 20], [10, 20], [12.5, 25]])
    result = run(BuyAndHold, bars, cash=1000.0)
    # 50 A and 25 B are ordered; at the open they cost 625 each: both are scaled by 1000 / 1250
    assert result.fills["quantity"].tolist() == pytest.approx([40.0, 20.0])
    assert result.orders["reason"].tolist() == ["scaled_to_equity"] * 2


def test_a_missing_bar_after_the_decision_delays_the_purchase():
    bars = bars_of([[10, 20], [10, 20], [10, NAN], [10, 20]], [[10, 20], [10, 20], [10, NAN], [10, 20]])
    assert run(BuyAndHold, bars).tables.fills["bar"].tolist() == [2, 3]


def test_one_index_from_first_open_to_last_close():
    bars = Bars.sample("sp500")
    result = run(BuyAndHold, bars, cash=100_000.0)
    assert len(result.orders) == 1
    ordered, price = 100_000.0 / bars.close[1, 0], bars.open[2, 0]
    quantity = min(ordered, 100_000.0 / price)
    expected = 100_000.0 + quantity * (bars.close[2:, 0] - price)
    np.testing.assert_allclose(result.equity.to_numpy()[2:], expected, rtol=1e-12)


def test_four_stocks_one_of_them_listed_later():
    bars = Bars.sample("stocks")
    result = run(BuyAndHold, bars, costs=Costs(commission=0.001), benchmark="buy_and_hold")
    fills = result.tables.fills
    listed = int(np.argmax(np.isfinite(bars.close[:, 3])))
    assert fills["asset"].tolist() == [0, 1, 2, 3]
    assert fills["bar"].tolist() == [2, 2, 2, listed + 1]
    assert (fills["quantity"] > 0.0).all()
    # without costs and the first two days it is the benchmark
    assert result.equity.iloc[-1] == pytest.approx(result.benchmark[-1], rel=0.05)
