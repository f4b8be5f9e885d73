"""Deposits are no returns, and the money-weighted rate: sums by hand, and a root finder run beside ours."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from backtester.kernel.codes import CashFlowKind
from backtester.kernel.tables import CASH_FLOW
from backtester.metrics import money_weighted_return, net_deposits, simple_returns, wealth_index

YEAR_NS = round(365.25 * 86_400e9)
NAN = float("nan")


def flows(*rows):
    """Return cash flows of (bar, kind, amount)."""
    found = np.zeros(len(rows), CASH_FLOW)
    for row, (bar, kind, amount) in zip(found, rows, strict=True):
        row["bar"], row["kind"], row["amount"], row["fx"] = bar, kind, amount, 1.0
    return found


def rate(equity, deposits, step_years=1.0):
    stamps = (np.arange(len(equity)) * step_years * YEAR_NS).astype(np.int64)
    return money_weighted_return(np.array(equity, float), np.array(deposits, float), stamps)


class TestNetDeposits:
    def test_deposits_less_withdrawals_at_the_start_of_each_bar(self):
        rows = flows(
            (1, CashFlowKind.DEPOSIT, 100.0),
            (3, CashFlowKind.DEPOSIT, 50.0),
            (3, CashFlowKind.WITHDRAWAL, -20.0),
            (4, CashFlowKind.WITHDRAWAL, -5.0),
        )
        assert net_deposits(rows, 6).tolist() == [0.0, 100.0, 0.0, 30.0, -5.0, 0.0]

    def test_no_other_cash_flow_is_one(self):
        outside = (CashFlowKind.DEPOSIT, CashFlowKind.WITHDRAWAL)
        rows = flows(*((1, kind, 7.0) for kind in CashFlowKind if kind not in outside))
        assert net_deposits(rows, 3).tolist() == [0.0, 0.0, 0.0]

    def test_no_rows_are_zeros_per_bar(self):
        found = net_deposits(flows(), 4)
        assert found.tolist() == [0.0] * 4
        assert found.dtype == np.float64


class TestWealthIndex:
    def test_a_deposit_is_taken_out_of_the_return_of_its_bar(self):
        """100 grows to 110; 90 are paid in, and 200 grow to 220: 10 % twice, and 100·1.1·1.1 = 121."""
        equity, deposits = np.array([100.0, 110.0, 220.0]), np.array([0.0, 0.0, 90.0])
        np.testing.assert_allclose(simple_returns(equity, deposits), [0.1, 0.1], rtol=1e-14)
        np.testing.assert_allclose(wealth_index(equity, deposits), [100.0, 110.0, 121.0], rtol=1e-14)

    def test_a_withdrawal_is_no_loss(self):
        """Of 100 that became 120, 70 are paid out; the 50 left become 40: +20 % and −20 %, 100·1.2·0.8 = 96."""
        equity, deposits = np.array([100.0, 120.0, 40.0]), np.array([0.0, 0.0, -70.0])
        np.testing.assert_allclose(wealth_index(equity, deposits), [100.0, 120.0, 96.0], rtol=1e-14)

    def test_without_deposits_it_is_equity_itself(self):
        equity = np.array([100.0, 99.7, NAN, 3.1])
        assert wealth_index(equity, np.zeros(4)) is equity

    def test_a_deposit_of_the_first_bar_is_part_of_the_starting_equity(self):
        equity = np.array([150.0, 165.0])
        assert wealth_index(equity, np.array([50.0, 0.0])).tolist() == [150.0, 165.0]

    def test_after_ruin_it_stays_at_zero(self):
        """Of 80 that 30 were added to, nothing is left: −100 %, and 0/0 from there on."""
        found = wealth_index(np.array([100.0, 80.0, 0.0, 0.0]), np.array([0.0, 0.0, 30.0, 0.0]))
        np.testing.assert_allclose(found, [100.0, 80.0, 0.0, 0.0], rtol=1e-14)

    def test_what_is_not_known_is_not_ruin(self):
        found = wealth_index(np.array([100.0, NAN, 120.0]), np.array([0.0, 0.0, 10.0]))
        assert found[0] == 100.0
        assert np.isnan(found[1:]).all()


class TestMoneyWeightedReturn:
    def test_without_deposits_it_is_the_growth_per_year(self):
        # 1.21 over two years: 10 % a year
        assert rate([100.0, 100.0, 121.0], [0, 0, 0]) == pytest.approx(0.1, rel=1e-12)
        # 4 % in half a year: 1.04² − 1
        assert rate([100.0, 104.0], [0, 0], 0.5) == pytest.approx(0.0816, rel=1e-12)

    def test_the_same_return_on_all_money_is_that_return(self):
        """100·1.1 = 110; (110 + 90)·1.1 = 220: both euros earned 10 % a year."""
        assert rate([100.0, 110.0, 220.0], [0, 0, 90.0]) == pytest.approx(0.1, rel=1e-12)

    def test_money_that_came_late_weighs_by_its_time(self):
        """100 stay 100; 100 more come, and 200 become 240. 100·g² + 100·g = 240: g = (√10.6 − 1)/2."""
        found = rate([100.0, 100.0, 240.0], [0, 0, 100.0])
        assert found == pytest.approx((math.sqrt(10.6) - 1.0) / 2.0 - 1.0, rel=1e-12)
        assert found > 0.1  # the time-weighted rate is √1.2 − 1 = 9.5 %: more money was there in the good year

    def test_withdrawals_too(self):
        """100 become 200, 190 are taken out, 10 become 11. 100·g² − 190·g = 11: g = (190 + √(190² + 4400))/200."""
        expected = (190.0 + math.sqrt(190.0**2 + 4400.0)) / 200.0 - 1.0
        assert rate([100.0, 200.0, 11.0], [0, 0, -190.0]) == pytest.approx(expected, rel=1e-12)

    def test_all_of_it_taken_out(self):
        """100 become 130 and go: 100·g² = 130·g, whatever is left of nothing."""
        assert rate([100.0, 130.0, 0.0], [0, 0, -130.0]) == pytest.approx(0.3, rel=1e-12)

    @pytest.mark.parametrize("seed", range(8))
    def test_it_is_the_root_that_scipy_finds(self, seed):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 400))
        step = float(rng.uniform(0.001, 0.2))
        deposits = np.where(rng.random(n) < 0.2, rng.uniform(0.0, 50.0, n), 0.0)
        deposits[0] = 0.0
        equity = np.empty(n)
        equity[0] = 100.0
        for t in range(1, n):
            equity[t] = (equity[t - 1] + deposits[t]) * math.exp(rng.normal(0.0, 0.05))
        years = (n - 1 - np.arange(n)) * step

        def surplus(log):
            at = np.flatnonzero(deposits)
            return 100.0 * math.exp(log * years[0]) + np.sum(deposits[at] * np.exp(log * years[at - 1])) - equity[-1]

        expected = math.expm1(brentq(surplus, -8.0, 8.0, xtol=1e-15, rtol=1e-14))
        assert rate(equity, deposits, step) == pytest.approx(expected, rel=1e-9, abs=1e-11)

    def test_ruin_is_a_loss_of_everything(self):
        assert rate([100.0, 50.0, 0.0], [0, 0, 0]) == -1.0
        assert rate([100.0, 50.0, 0.0], [0, 30.0, 0]) == -1.0

    @pytest.mark.parametrize(
        "equity", [[], [100.0], [100.0, NAN, 120.0], [100.0, math.inf, 3.0], [100.0, NAN], [0.0, 1.0], [-5.0, 1.0]]
    )
    def test_what_cannot_be_measured_is_not_a_number(self, equity):
        assert math.isnan(rate(equity, [0.0] * len(equity)))

    def test_no_time_has_no_rate(self):
        assert math.isnan(rate([100.0, 110.0], [0, 0], 0.0))

    def test_debts_that_no_rate_explains_are_a_loss_of_everything(self):
        """100·g² − 40·g = −30 has the discriminant 40² − 4·100·30 < 0: no rate fits."""
        assert rate([100.0, 20.0, -30.0], [0, 0, -40.0]) == -1.0
