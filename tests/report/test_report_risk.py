"""Rolling ratios, distribution, exposure, turnover and attribution are those of the result."""

from __future__ import annotations

import numpy as np
import pytest
from report_cases import EverySoOften, Idle, daily, wave

from backtester import Costs, run
from backtester.metrics import ratios, simple_returns
from backtester.report.attribution import ACCOUNT, attribution, costs_over_time, turnover
from backtester.report.data import page_data
from backtester.report.risk import distribution_section, exposures, rolling, window_of
from backtester.summary_text import comparison_of


def test_every_rolling_value_is_the_ratio_of_its_window():
    draw = np.random.default_rng(4)
    r, b = draw.normal(0.001, 0.01, 300), draw.normal(0.0005, 0.012, 300)
    found = rolling(r, 60, 252.0, 0.02, b)
    for t in (59, 60, 150, 299):
        part, other = r[t - 59 : t + 1], b[t - 59 : t + 1]
        assert found["sharpe"][t] == pytest.approx(ratios.sharpe(part, 252.0, 0.02), rel=1e-9)
        assert found["volatility"][t] == pytest.approx(ratios.annual_volatility(part, 252.0), rel=1e-9)
        assert found["beta"][t] == pytest.approx(ratios.beta(part, other), rel=1e-9)
    assert np.isnan(found["sharpe"][:59]).all()


def test_a_window_without_risk_or_with_a_gap_has_no_ratio():
    r = np.r_[np.zeros(40), 0.01, np.zeros(40)]
    assert np.isnan(rolling(np.full(50, 1e-4), 20, 252.0)["sharpe"]).all()
    found = rolling(r, 20, 252.0)["sharpe"]
    assert np.isnan(found[:40]).all()
    assert np.isfinite(found[40:60]).all()
    r[50] = np.nan
    assert np.isnan(rolling(r, 20, 252.0)["volatility"][50:70]).all()


@pytest.mark.parametrize(("n", "window"), [(5_000, 126), (400, 100), (60, 20), (30, 15), (19, 0), (0, 0)])
def test_the_window_is_half_a_year_or_a_quarter_of_what_there_is(n, window):
    assert window_of(n, 252.0) == window


def test_the_page_draws_them_from_the_bar_they_belong_to(plain):
    panels = page_data(plain)["sections"]["rolling"]["items"]
    strategy, held = panels[0]["lines"]
    returns = simple_returns(plain.tables.equity)
    window = window_of(len(returns), plain.bars.periods_per_year)
    assert strategy["x"][0] == window  # the return of bar t is the t-th, and there is one less
    assert strategy["y"][-1] == pytest.approx(ratios.sharpe(returns[-window:], plain.bars.periods_per_year), rel=1e-6)
    other = simple_returns(comparison_of(plain)[1])
    assert held["y"][-1] == pytest.approx(ratios.sharpe(other[-window:], plain.bars.periods_per_year), rel=1e-6)
    beta = panels[2]["lines"][0]["y"][-1]
    assert beta == pytest.approx(ratios.beta(returns[-window:], other[-window:]), rel=1e-6)


def test_the_histogram_counts_every_return_that_is_not_0(plain):
    section = distribution_section(plain)
    histogram = section.items[0]
    returns = simple_returns(plain.tables.equity)
    assert sum(histogram["counts"]) == histogram["n"] == np.count_nonzero(returns)
    share = float((returns == 0.0).mean())
    assert f"without the {100 * share:.2f} % at 0" in histogram["title"]
    marks = {word: value for value, word in histogram["marks"]}
    assert marks["VaR 5 %"] == pytest.approx(-plain.metrics["value_at_risk"], rel=1e-6)
    assert marks["CVaR 5 %"] == pytest.approx(-plain.metrics["conditional_value_at_risk"], rel=1e-6)
    assert dict(section.items[1]["rows"])["bars at 0"] == f"{100 * share:.2f} %"


def test_exposures_are_those_of_the_account(plain):
    found, frame = exposures(plain), plain.to_frame()
    np.testing.assert_allclose(found["gross"], frame["gross_exposure"])
    np.testing.assert_allclose(found["net"], frame["net_exposure"])
    held = frame[[name for name in frame if name.startswith("position_")]]
    np.testing.assert_array_equal(found["positions"], (held != 0.0).sum(axis=1))


def test_turnover_of_months_adds_up_to_what_was_traded(plain):
    unit, labels, shares = turnover(plain)
    assert unit == "month"  # 400 days are too many bars, 14 months are not
    assert labels[0] == "2020-01"
    days = plain.bars.sessions.astype("M8[D]").astype("M8[M]")
    equity = np.array([plain.tables.equity[days == month].mean() for month in np.unique(days)])
    traded = float((np.abs(plain.fills["quantity"]) * plain.fills["price"]).sum())
    assert float((shares * equity).sum()) == pytest.approx(traded)


def test_costs_add_up_over_time_to_the_metrics(plain):
    for kind, values in costs_over_time(plain).items():
        assert values[-1] == pytest.approx(plain.metrics[kind], abs=1e-9)
        assert len(values) == plain.bars.n_bars


def test_attribution_adds_up_to_what_equity_gained(plain):
    found = attribution(plain)
    assert found["symbols"][-1] == ACCOUNT
    assert sorted(found["symbols"][:-1]) == ["AAA", "BBB"]
    gained = plain.tables.equity[-1] - 100_000.0
    assert found["profit"].sum() == pytest.approx(gained)
    assert found["profit"][-1] == 0.0
    by_symbol = plain.trades.groupby("symbol", observed=True)["pnl"].sum()
    for symbol, profit in zip(found["symbols"][:-1], found["profit"], strict=False):
        assert profit == pytest.approx(by_symbol[symbol])
    assert list(found["profit"][:-1]) == sorted(found["profit"][:-1], reverse=True)


def test_what_no_asset_has_is_the_accounts():
    """All in cash, which earns 2 % a year: that is no asset's profit."""
    result = run(Idle, daily(wave(200)), costs=Costs(cash_rate=0.02))
    found = attribution(result)
    gained = result.tables.equity[-1] - 100_000.0
    assert gained > 100.0
    assert found["symbols"] == [ACCOUNT]
    assert found["profit"].tolist() == [pytest.approx(gained)]


def test_borrowing_is_carry_of_its_asset():
    class Short(EverySoOften):
        def on_bar(self, ctx):
            if ctx.t == 2:
                ctx.order(0, -100.0)

    result = run(Short, daily(wave(60)), costs=Costs(borrow_rate=0.05))
    found = attribution(result)
    assert found["carry"][0] == pytest.approx(-result.metrics["borrow"])
    assert found["carry"][0] < 0.0
    assert found["profit"].sum() == pytest.approx(result.tables.equity[-1] - 100_000.0)


def test_a_run_that_did_nothing_says_so_in_each_section(idle):
    sections = page_data(idle)["sections"]
    assert "No position was held" in sections["exposure"]["items"][0]["text"]
    assert "Nothing was traded" in sections["turnover"]["items"][0]["text"]
    assert "nothing was gained or lost" in sections["attribution"]["items"][0]["text"]
