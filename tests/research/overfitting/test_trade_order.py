"""Trades in other orders: all six of three by hand."""

import numpy as np
import pytest

from backtester.errors import SettingsError
from backtester.research.overfitting import trade_order

MONEY = [10.0, -10.0, -10.0]


class TestByHand:
    def test_three_trades(self):
        # 100 110 100 90: 20/110. 100 90 100 90: 0.1. 100 90 80 90: 0.2. Each order is one of three
        found = trade_order(MONEY, cash=100.0, replicates=6000)
        assert found.max_drawdown == pytest.approx(20 / 110)
        assert found.total_return == pytest.approx(-0.1)
        np.testing.assert_allclose(found.totals, -0.1)
        values, counts = np.unique(np.round(found.drawdowns, 9), return_counts=True)
        np.testing.assert_allclose(values, [0.1, 20 / 110, 0.2])
        np.testing.assert_allclose(counts / 6000, 1 / 3, atol=4 * np.sqrt(2 / 9 / 6000))
        assert found.drawdown_quantile(0.5) == pytest.approx(20 / 110)
        # two of three orders are at least as deep
        assert found.probability_of_drawdown(found.max_drawdown) == pytest.approx(2 / 3, abs=0.025)

    def test_it_can_be_printed(self):
        # 20/110 = 0.182 happened; a third each of 0.1, 0.182 and 0.2
        found = trade_order(MONEY, cash=100.0)
        assert str(found) == (
            "drawdown 0.182 in the order that happened, median 0.182 over 1,000 others, one in twenty 0.200 or more; "
            "total return -0.100"
        )
        assert "array" not in repr(found)

    def test_fractions_are_compounded(self):
        # 1.5·0.5·1.2 = 0.9 in any order; 1, 1.5, 0.75, 0.9: half
        found = trade_order([0.5, -0.5, 0.2])
        assert found.max_drawdown == pytest.approx(0.5)
        assert found.total_return == pytest.approx(-0.1)
        np.testing.assert_allclose(found.totals, -0.1)

    def test_with_replacement_the_total_varies(self):
        found = trade_order([0.1, -0.1], replace=True, replicates=4000)
        # 1.21, 0.99 (twice as often), 0.81
        values, counts = np.unique(np.round(found.totals, 9), return_counts=True)
        np.testing.assert_allclose(values, [-0.19, -0.01, 0.21])
        np.testing.assert_allclose(counts / 4000, [0.25, 0.5, 0.25], atol=0.035)

    def test_ruin_is_the_end(self):
        found = trade_order([-150.0, 400.0], cash=100.0)
        assert found.max_drawdown == 1.0
        assert found.total_return == -1.0
        # the other order survives: 100, 500, 350
        assert set(np.round(found.drawdowns, 9)) == {0.3, 1.0}
        assert set(np.round(found.totals, 9)) == {2.5, -1.0}

    def test_no_loss_no_drawdown(self):
        found = trade_order([0.1, 0.2, 0.3])
        assert found.max_drawdown == 0.0
        assert (found.drawdowns == 0.0).all()
        assert found.probability_of_drawdown(0.01) == pytest.approx(1 / 1001)


def test_the_same_seed_gives_the_same_orders():
    trades = np.random.default_rng(1).normal(0.0, 0.02, 40)
    one, same, other = (trade_order(trades, seed=s).drawdowns for s in (2, 2, 3))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trades": [0.1]}, "trades has 1 values; not enough data, this needs 2"),
        ({"trades": [0.1, np.nan]}, "trades at trade 1 is nan"),
        ({"trades": MONEY, "cash": 0.0}, "cash is 0.0; it must be above 0"),
        ({"trades": MONEY, "cash": np.inf}, "cash is inf"),
        ({"trades": MONEY, "cash": np.nan}, "cash is nan; it must be above 0 and finite"),
        ({"trades": MONEY, "replicates": 5}, "replicates is 5"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(SettingsError, match=message):
        trade_order(**arguments)


def test_errors_of_the_answers():
    found = trade_order(MONEY, cash=100.0)
    with pytest.raises(SettingsError, match="level is 0"):
        found.drawdown_quantile(0)
    with pytest.raises(SettingsError, match=r"drawdown is -0.1; it must be 0 to 1"):
        found.probability_of_drawdown(-0.1)
