"""`summary`: the ratios of an equity curve, trade statistics, costs and counts in one dict."""

import math

import numpy as np
import pytest

from backtester import metrics
from backtester.errors import SettingsError
from backtester.kernel.codes import CashFlowKind
from backtester.kernel.tables import CASH_FLOW, FILL
from backtester.trades import TRADE

DAY = 86_400 * 10**9
YEAR = 365.25 * 86_400e9


def curve(n, seed=1, scale=0.01):
    rng = np.random.default_rng(seed)
    return 1e5 * np.exp(np.r_[0.0, np.cumsum(rng.normal(0.0002, scale, n - 1))]), np.arange(n) * DAY


def test_the_ratios_are_the_functions_of_the_returns():
    equity, timestamps = curve(700)
    other, _ = curve(700, seed=2)
    # 699 steps over 699 days of a year of 365.25 days
    periods = 365.25
    assert metrics.bars_per_year(timestamps) == pytest.approx(periods, rel=1e-14)
    found = metrics.summary(equity, timestamps, risk_free=0.02, benchmark=other)
    r, b = metrics.simple_returns(equity), metrics.simple_returns(other)
    expected = {
        "final_equity": equity[-1],
        "total_return": equity[-1] / equity[0] - 1.0,
        "cagr": (equity[-1] / equity[0]) ** (YEAR / (699 * DAY)) - 1.0,
        "annual_return": metrics.annual_return(r, periods),
        "annual_volatility": metrics.annual_volatility(r, periods),
        "sharpe": metrics.sharpe(r, periods, 0.02),
        "sortino": metrics.sortino(r, periods, 0.02),
        "calmar": metrics.calmar(r, periods),
        "max_drawdown": metrics.max_drawdown(r),
        "max_drawdown_duration": metrics.max_drawdown_duration(r),
        "omega": metrics.omega(r, periods, 0.02),
        "value_at_risk": metrics.value_at_risk(r),
        "conditional_value_at_risk": metrics.conditional_value_at_risk(r),
        "tail_ratio": metrics.tail_ratio(r),
        "skew": metrics.skew(r),
        "kurtosis": metrics.kurtosis(r),
        "probabilistic_sharpe": metrics.probabilistic_sharpe(r, periods_per_year=periods, risk_free=0.02),
        "alpha": metrics.alpha(r, b, periods, 0.02),
        "beta": metrics.beta(r, b),
        "information_ratio": metrics.information_ratio(r, b, periods),
    }
    assert list(found)[: len(expected)] == list(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


def test_what_is_not_given_is_nan():
    equity, timestamps = curve(50)
    found = metrics.summary(equity, timestamps)
    missing = {name for name, value in found.items() if math.isnan(value)}
    assert missing == {
        "alpha", "beta", "information_ratio", "n_trades", "win_rate", "profit_factor", "expectancy",
        "average_trade_return", "best_trade", "worst_trade", "average_bars_held", "exposure_time", "turnover",
        "total_costs", "commission", "spread", "slippage", "impact", "rounding", "borrow", "n_orders", "n_fills",
        "ambiguous_bars",
    }  # fmt: skip
    assert all(type(value) is float for value in found.values())


def test_given_periods_set_the_years_too():
    equity, timestamps = np.array([100.0, 110.0, 121.0]), np.arange(3) * DAY
    found = metrics.summary(equity, timestamps, periods_per_year=4)
    # 2 bars of 4 a year: half a year, 1.21² − 1
    assert found["cagr"] == pytest.approx(0.4641, rel=1e-12)
    assert found["annual_return"] == pytest.approx(0.4, rel=1e-12)


@pytest.mark.parametrize(
    "bad", [[], [100.0], [100.0, np.nan, 120.0], [100.0, np.inf, 3.0], [0.0, 1.0, 2.0], [-5.0, 1.0]]
)
def test_equity_that_cannot_be_measured(bad):
    found = metrics.summary(np.array(bad), np.arange(len(bad)) * DAY)
    assert all(math.isnan(value) for name, value in found.items() if name != "final_equity")


def test_an_account_that_never_trades():
    found = metrics.summary(np.full(500, 1e5), np.arange(500) * DAY, trades=np.zeros(0, TRADE))
    assert found["total_return"] == found["cagr"] == found["annual_volatility"] == found["max_drawdown"] == 0.0
    assert found["n_trades"] == found["exposure_time"] == 0.0
    for name in ("sharpe", "sortino", "calmar", "omega", "skew", "kurtosis", "win_rate", "profit_factor", "best_trade"):
        assert math.isnan(found[name]), name


def test_ruin():
    equity = np.array([100.0, 120.0, 60.0, 0.0, 0.0, 0.0])
    found = metrics.summary(equity, np.arange(6) * DAY, periods_per_year=1)
    assert found["total_return"] == found["cagr"] == -1.0
    assert found["max_drawdown"] == 1.0
    # from the peak at 1 to the end at 5
    assert found["max_drawdown_duration"] == 4.0
    # returns 0.2, −0.5, −1: the two after ruin are left out
    assert found["annual_return"] == pytest.approx(-1.3 / 3, rel=1e-12)
    assert found["sharpe"] == pytest.approx(np.mean([0.2, -0.5, -1.0]) / np.std([0.2, -0.5, -1.0], ddof=1), rel=1e-12)
    # lost more than everything: there is no growth rate, and no statistic of what follows
    below = metrics.summary(np.array([100.0, 50.0, -20.0, -30.0]), np.arange(4) * DAY, periods_per_year=1)
    assert below["total_return"] == pytest.approx(-1.3, rel=1e-12)
    assert math.isnan(below["cagr"])
    assert below["annual_return"] == pytest.approx((-0.5 - 1.4) / 2, rel=1e-12)
    assert below["max_drawdown"] == pytest.approx(1.3, rel=1e-12)


def test_a_long_curve_keeps_its_digits():
    # math.fsum adds without error; one-minute bars are 525 960 a year of 365.25 days
    equity, _ = curve(300_001, seed=5, scale=1e-4)
    timestamps = np.arange(300_001) * 60 * 10**9
    r = metrics.simple_returns(equity)
    mean = math.fsum(r) / len(r)
    m2, m4 = (math.fsum((r - mean) ** k) / len(r) for k in (2, 4))
    found = metrics.summary(equity, timestamps)
    assert found["annual_return"] == pytest.approx(525_960 * mean, rel=1e-11)
    assert found["annual_volatility"] == pytest.approx(math.sqrt(m2 * len(r) / (len(r) - 1) * 525_960), rel=1e-12)
    assert found["kurtosis"] == pytest.approx(m4 / m2**2, rel=1e-11)
    low, high = np.quantile(r, [0.05, 0.95])
    assert found["value_at_risk"] == -low
    assert found["tail_ratio"] == high / abs(low)
    assert found["conditional_value_at_risk"] == pytest.approx(-r[r <= low].mean(), rel=1e-12)


def trades_table():
    trades = np.zeros(5, TRADE)
    trades["pnl"] = [30.0, -10.0, 0.0, 20.0, 1000.0]
    trades["return_frac"] = [0.03, -0.02, 0.0, 0.01, 5.0]
    trades["bars"] = [3, 1, 4, 0, 2]
    trades["entry_bar"] = [0, 1, 2, 6, 8]
    trades["exit_bar"] = [3, 2, 6, 6, -1]
    trades["open"] = [0, 0, 0, 0, 1]
    return trades


def test_trade_statistics_leave_open_trades_out():
    equity, timestamps = curve(10)
    found = metrics.summary(equity, timestamps, trades=trades_table())
    assert found["n_trades"] == 4.0
    assert found["win_rate"] == 0.5
    # 50 of gains over 10 of losses; 40 over 4 trades
    assert found["profit_factor"] == 5.0
    assert found["expectancy"] == 10.0
    assert found["average_trade_return"] == pytest.approx(0.005)
    assert (found["best_trade"], found["worst_trade"], found["average_bars_held"]) == (0.03, -0.02, 2.0)
    # bars 0 … 5, and 8, 9: the trade within bar 6 ends no bar
    assert found["exposure_time"] == 0.8


def test_exposure_does_not_depend_on_the_order_of_the_trades():
    trades = trades_table()
    assert metrics.exposure_time_of(trades[::-1], 10) == metrics.exposure_time_of(trades, 10) == 0.8
    rng = np.random.default_rng(3)
    trades = np.zeros(40, TRADE)
    trades["entry_bar"] = rng.integers(0, 300, 40)
    trades["exit_bar"] = trades["entry_bar"] + rng.integers(0, 20, 40)
    trades["open"][:1] = 1
    trades["entry_bar"][0] = 310
    held = np.zeros(320, bool)
    for trade in trades:
        held[trade["entry_bar"] : 320 if trade["open"] else trade["exit_bar"]] = True
    assert metrics.exposure_time_of(trades, 320) == held.mean()
    assert math.isnan(metrics.exposure_time_of(trades[:0], 0))


def test_no_loss_means_no_profit_factor():
    trades = trades_table()[:1]
    assert math.isnan(metrics.trade_statistics(trades)["profit_factor"])
    assert metrics.trade_statistics(trades)["win_rate"] == 1.0


def test_costs_and_turnover():
    fills = np.zeros(3, FILL)
    fills["fx"] = 1.0
    fills["asset"] = [0, 1, 1]
    fills["quantity"] = [10.0, -2.0, 2.0]
    fills["price"] = [5.0, 100.0, 50.0]
    fills["commission"], fills["spread"], fills["rounding"] = [1.0, 2.0, 3.0], [0.5, 0.5, 0.0], [0.0, -0.25, 0.0]
    flows = np.zeros(3, CASH_FLOW)
    flows["fx"] = 1.0
    flows["kind"] = [CashFlowKind.BORROW, CashFlowKind.CASH_INTEREST, CashFlowKind.BORROW]
    flows["amount"] = [-4.0, 7.0, -2.0]
    totals = metrics.fill_totals(fills, flows, np.array([1.0, 10.0]))
    # 10·5 + 2·10·100 + 2·10·50
    assert totals["traded_value"] == 3050.0
    equity, timestamps = np.array([100.0, 200.0, 300.0]), np.arange(3) * DAY
    found = metrics.summary(equity, timestamps, periods_per_year=4, n_orders=7, ambiguous_bars=2, **totals)
    assert (found["commission"], found["spread"], found["borrow"], found["rounding"]) == (6.0, 1.0, 6.0, -0.25)
    assert found["total_costs"] == 12.75
    # a mean equity of 200, half a year
    assert found["turnover"] == 3050.0 / 200.0 / 0.5
    assert (found["n_orders"], found["n_fills"], found["ambiguous_bars"]) == (7.0, 3.0, 2.0)


def test_bad_input_is_refused():
    equity, timestamps = curve(5)
    with pytest.raises(SettingsError, match="equity has shape"):
        metrics.summary(equity, timestamps[:4])
    with pytest.raises(SettingsError, match="benchmark has shape"):
        metrics.summary(equity, timestamps, benchmark=equity[:4])
    with pytest.raises(SettingsError, match="did you mean 'commission'"):
        metrics.summary(equity, timestamps, costs={"comission": 1.0})
    with pytest.raises(SettingsError, match="periods_per_year"):
        metrics.summary(equity, timestamps, periods_per_year=-1)
