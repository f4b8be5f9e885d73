"""`Result.returns` goes into QuantStats and pyfolio as it comes, and their figures are ours where the convention is.

Where it is not, the test says what differs: both take 252 periods a year unless told, where rule 23 counts those there
were; both give losses a minus sign; QuantStats takes value at risk from a normal distribution. Where periods per year
are passed on, the figures are equal to rounding.
"""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from backtester import Bars, Costs, run
from strategies import BuyAndHold, SmaCross

# what they call is deprecated: pandas 3.1 and matplotlib 3.11; pyfolio warns that zipline is not there
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def result():
    """A daily run whose equity rises and falls, on 5,031 days."""
    return run(SmaCross(fast=20), Bars.sample("sp500"), costs=Costs(commission=0.001), benchmark="SP500")


@pytest.fixture(scope="module")
def stats():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import quantstats
    return quantstats.stats


@pytest.fixture(scope="module")
def empyrical():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import empyrical
    return empyrical


def same(theirs, ours, rel=1e-10):
    assert np.isfinite(ours)
    assert theirs == pytest.approx(ours, rel=rel)


class TestQuantStats:
    def test_ratios_at_our_periods_per_year(self, result, stats):
        m, r = result.metrics, result.returns
        periods = result.bars.periods_per_year
        same(stats.sharpe(r, periods=periods), m["sharpe"])
        same(stats.sortino(r, periods=periods), m["sortino"])
        same(stats.volatility(r, periods=periods), m["annual_volatility"])
        same(stats.cagr(r, periods=periods), m["cagr"])
        same(stats.calmar(r, periods=periods), m["calmar"])

    def test_their_own_year_has_252_days(self, result, stats):
        """The sample has 5,030 returns in its years of 365.25 days; only √(252/P) and the years differ."""
        m, r = result.metrics, result.returns
        periods = result.bars.periods_per_year
        same(stats.sharpe(r), m["sharpe"] * np.sqrt(252 / periods))
        same(stats.sortino(r), m["sortino"] * np.sqrt(252 / periods))
        same(stats.cagr(r), (1 + m["total_return"]) ** (252 / len(r)) - 1)

    def test_what_needs_no_year(self, result, stats):
        m, r = result.metrics, result.returns
        same(stats.comp(r), m["total_return"])
        same(-stats.max_drawdown(r), m["max_drawdown"])
        same(stats.omega(r), m["omega"])
        same(stats.skew(r) * _small(len(r)), m["skew"])  # theirs is corrected for the sample's size, as pandas does
        same(stats.tail_ratio(r), m["tail_ratio"])

    def test_value_at_risk_is_of_a_normal_distribution_there(self, result, stats):
        """Ours is the 5 % quantile of what happened; theirs μ − 1.645 σ."""
        r = result.returns
        same(stats.value_at_risk(r), r.mean() - 1.6448536269514722 * r.std())
        same(-np.quantile(r, 0.05), result.metrics["value_at_risk"])

    def test_a_report_is_written(self, result, tmp_path):
        import quantstats

        quantstats.reports.html(result.returns, output=str(tmp_path / "tear.html"), title="run")
        text = (tmp_path / "tear.html").read_text(encoding="utf-8")
        assert f"{100 * result.metrics['max_drawdown']:.2f}%" in text

    def test_a_benchmark_is_matched_by_dates(self, result):
        """QuantStats matches a benchmark at midnights without a zone; `daily_returns` has those."""
        import quantstats

        bars = result.bars
        dates = pd.DatetimeIndex(bars.sessions.view("M8[D]").astype("M8[ns]"))
        index = pd.Series(bars.close[:, 0], dates).pct_change().dropna()
        table = quantstats.reports.metrics(
            result.daily_returns, benchmark=index, mode="full", display=False, match_dates=False
        )
        assert table.loc["Start Period"].tolist() == ["1999-01-05"] * 2  # the first return, on the second day
        assert table.loc["End Period"].tolist() == ["2018-12-31"] * 2
        assert float(table.loc["Beta", "Strategy"]) == round(result.metrics["beta"], 2)
        same(quantstats.stats.greeks(result.daily_returns, index)["beta"], result.metrics["beta"], rel=1e-8)


class TestPyfolio:
    def test_ratios_at_our_periods_per_year(self, result, empyrical):
        m, r = result.metrics, result.returns
        periods = result.bars.periods_per_year
        same(empyrical.sharpe_ratio(r, annualization=periods), m["sharpe"])
        same(empyrical.sortino_ratio(r, annualization=periods), m["sortino"])
        same(empyrical.annual_volatility(r, annualization=periods), m["annual_volatility"])
        same(empyrical.cagr(r, annualization=periods), m["cagr"])
        same(empyrical.calmar_ratio(r, annualization=periods), m["calmar"])

    def test_what_needs_no_year(self, result, empyrical):
        m, r = result.metrics, result.returns
        same(empyrical.cum_returns_final(r), m["total_return"])
        same(-empyrical.max_drawdown(r), m["max_drawdown"])
        same(-empyrical.value_at_risk(r, cutoff=0.05), m["value_at_risk"])
        same(empyrical.omega_ratio(r), m["omega"])
        same(empyrical.tail_ratio(r), m["tail_ratio"])

    def test_beta_against_an_index(self, result, empyrical):
        index = result.bars.frame("close")["SP500"].pct_change().dropna()
        same(empyrical.beta(result.returns, index), result.metrics["beta"], rel=1e-8)

    def test_a_tear_sheet_is_drawn(self, result):
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot as plt
        import pyfolio

        found = pyfolio.timeseries.perf_stats(result.returns)
        same(-found["Max drawdown"], result.metrics["max_drawdown"])
        same(found["Cumulative returns"], result.metrics["total_return"])
        pyfolio.create_returns_tear_sheet(result.returns)
        assert plt.get_fignums()
        plt.close("all")


def _small(n):
    """What turns pandas' skew of a sample into the moment ratio: (n − 2)/√(n(n − 1))."""
    return (n - 2) / np.sqrt(n * (n - 1))


def test_the_last_day_of_a_month_counts_for_that_month(stats):
    """Closes of whole UTC days lie on the next date, and QuantStats counts them there; `daily_returns` has the day.

    Bought at the open of the 31st, which is 100: a gain of 10 % on that day, then 20 % and a loss of 25 %.
    """
    days = pd.DatetimeIndex(["2024-01-29", "2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02"])
    opens, closes = np.array([100.0, 100, 100, 110, 132]), np.array([100.0, 100, 110, 132, 99])
    prices = {"open": opens, "high": closes.clip(opens), "low": np.minimum(opens, closes), "close": closes}
    result = run(BuyAndHold(), Bars.from_frame(pd.DataFrame(prices, index=days)), cash=1e6)
    months = stats.monthly_returns(result.daily_returns, eoy=False).loc["2024"]
    same(months["JAN"], 0.1)
    same(months["FEB"], 1.2 * 0.75 - 1)
    assert stats.monthly_returns(result.returns, eoy=False).loc["2024", "JAN"] == 0.0


def test_neither_is_loaded_by_us():
    code = (
        "import sys; from backtester import Bars, run; from strategies import SmaCross; "
        "r = run(SmaCross(), Bars.sample('sp500')[:300], mode='interpreted'); "
        "r.returns; r.to_frame(); r.daily_returns; "
        "found = {'quantstats', 'pyfolio', 'empyrical', 'yfinance', 'ccxt', 'vectorbt', 'polars', "
        "'exchange_calendars', 'matplotlib'} & {n.partition('.')[0] for n in sys.modules}; assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
