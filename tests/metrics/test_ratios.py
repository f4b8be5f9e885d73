"""The ratios by hand, and beside formulas of NumPy, SciPy and pandas written out here."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from backtester import metrics
from backtester.errors import SettingsError
from backtester.metrics import _scan

P = 252
#: one day up 10 %, one down 10 %, and so on
ALTERNATING = np.tile([0.1, -0.1], 4)


def close(value, expected, rel=1e-12):
    assert value == pytest.approx(expected, rel=rel, nan_ok=True)


class TestByHand:
    def test_growth(self):
        # 1.1·1.2·0.5 = 0.66; three of four periods: 0.66^(4/3) − 1
        r = [0.1, 0.2, -0.5]
        close(metrics.total_return(r), -0.34)
        close(metrics.cagr(r, 4), 0.66 ** (4 / 3) - 1.0)
        close(metrics.annual_return(r, 4), 4 * (-0.2 / 3))

    def test_alternating_returns(self):
        # mean 0, Σ d² = 8·0.01, sd = √(0.08/7); m₂ = 0.01, m₃ = 0, m₄ = 0.0001
        close(metrics.annual_volatility(ALTERNATING, P), math.sqrt(0.08 / 7 * P))
        assert metrics.sharpe(ALTERNATING, P) == pytest.approx(0.0, abs=1e-12)
        assert metrics.skew(ALTERNATING) == pytest.approx(0.0, abs=1e-12)
        close(metrics.kurtosis(ALTERNATING), 1.0)
        close(metrics.omega(ALTERNATING, P), 1.0)
        # with r_f = 0.01 a bar: mean −0.01; below: −0.11, four of eight
        close(metrics.sharpe(ALTERNATING, 100, 1.0), -0.01 / math.sqrt(0.08 / 7) * 10.0)
        close(metrics.sortino(ALTERNATING, 100, 1.0), -0.01 / math.sqrt(4 * 0.11**2 / 8) * 10.0)
        # gains 4·0.09, losses 4·0.11
        close(metrics.omega(ALTERNATING, 100, 1.0), 0.36 / 0.44)
        close(metrics.omega(ALTERNATING, threshold=0.01), 0.36 / 0.44)

    def test_drawdown_and_its_duration(self):
        # wealth 1, 1.2, 0.9, 1.08, 1.2, 1.5, 1.35: deepest 0.3/1.2; from the peak at 1 to 4: three bars
        wealth = np.array([1.0, 1.2, 0.9, 1.08, 1.2, 1.5, 1.35])
        r = wealth[1:] / wealth[:-1] - 1.0
        close(metrics.max_drawdown(r), 0.25)
        # 1.2·0.75·1.2·(10/9) is 1.2 again, up to rounding: pin it on the equity itself
        found = metrics.summary(wealth, np.arange(7) * 10**15)
        assert found["max_drawdown_duration"] == 3.0
        close(metrics.calmar(r, 6), (1.35 - 1.0) / 0.25)

    def test_a_drawdown_that_never_ends_counts_to_the_end(self):
        assert metrics.max_drawdown_duration([0.5, -0.1, 0.01, 0.01, 0.01]) == 4.0
        assert metrics.max_drawdown_duration([0.5, 0.0, 0.1]) == 0.0
        assert metrics.max_drawdown([0.5, 0.0, 0.1]) == 0.0

    def test_value_at_risk(self):
        # −0.10, −0.09, … 0.10: 21 values; (21 − 1)·0.05 = 1, so the second smallest, and the mean of the worst two
        r = np.arange(-10, 11) / 100.0
        close(metrics.value_at_risk(r), 0.09)
        close(metrics.conditional_value_at_risk(r), 0.095)
        # 95th percentile 0.09 over |−0.09|
        close(metrics.tail_ratio(r), 1.0)
        # 20·0.12 = 2.4: −0.08 + 0.4·0.01, and the mean of the worst three
        close(metrics.value_at_risk(r, 0.12), 0.076)
        close(metrics.conditional_value_at_risk(r, 0.12), 0.09)

    def test_a_gain_in_the_tail_is_a_negative_loss(self):
        close(metrics.value_at_risk([0.01, 0.01, 0.01]), -0.01)

    def test_against_a_benchmark(self):
        b = np.array([0.01, -0.02, 0.03, 0.00])
        # r = 0.001 + 2·b exactly: β 2, α = P·(0.001 + 2·mean(b) − r_f − 2·(mean(b) − r_f)) = P·(0.001 + r_f)
        r = 0.001 + 2.0 * b
        close(metrics.beta(r, b), 2.0)
        close(metrics.alpha(r, b, 100), 0.1)
        close(metrics.alpha(r, b, 100, 0.5), 0.1 + 0.5)
        # r − b = 0.001 + b: mean 0.006; deviations 0.005, −0.025, 0.025, −0.005: Σ d² = 0.0013
        close(metrics.information_ratio(r, b, 100), 0.006 / math.sqrt(0.0013 / 3) * 10.0)

    def test_probabilistic_sharpe_of_bailey_and_lopez_de_prado(self):
        # "The Sharpe Ratio Efficient Frontier" (2012): 24 monthly returns, Sharpe ratio 0.458 a month (1.59 a year),
        # skewness −2.448 and kurtosis 10.164: PSR(0) = 0.913, and 0.982 were the returns normal
        close(metrics.probabilistic_sharpe_of(0.458, 24, -2.448, 10.164), 0.913, rel=1e-3)
        close(metrics.probabilistic_sharpe_of(0.458, 24, 0.0, 3.0), 0.982, rel=1e-3)
        # z = 2·√(5 − 1)/√(1 + 0 + (3 − 1)/4·4) = 4/√3
        close(metrics.probabilistic_sharpe_of(2.0, 5, 0.0, 3.0), scipy.stats.norm.cdf(4.0 / math.sqrt(3.0)))
        # an estimate equal to the benchmark is as likely above as below
        assert metrics.probabilistic_sharpe_of(0.3, 50, -1.0, 6.0, 0.3) == 0.5


class TestUndefined:
    RETURNS_ONLY = (
        metrics.total_return, metrics.max_drawdown, metrics.max_drawdown_duration, metrics.omega, metrics.value_at_risk,
        metrics.conditional_value_at_risk, metrics.tail_ratio, metrics.skew, metrics.kurtosis,
        metrics.probabilistic_sharpe,
    )  # fmt: skip
    WITH_PERIODS = (
        metrics.cagr, metrics.annual_return, metrics.annual_volatility, metrics.sharpe, metrics.sortino, metrics.calmar,
    )  # fmt: skip
    WITH_BENCHMARK = (
        metrics.beta, lambda r, b: metrics.alpha(r, b, P), lambda r, b: metrics.information_ratio(r, b, P),
    )  # fmt: skip

    def every(self, r):
        values = [f(r) for f in self.RETURNS_ONLY] + [f(r, P) for f in self.WITH_PERIODS]
        return values + [f(r, np.zeros(len(r))) for f in self.WITH_BENCHMARK]

    @pytest.mark.parametrize("r", [[], [0.1, np.nan, 0.2], [0.1, np.inf], [np.nan]])
    def test_nothing_to_measure(self, r):
        assert np.isnan(self.every(r)).all()

    @pytest.mark.parametrize("level", [0.0, 0.001, 0.1, 1e-7])
    def test_constant_returns_have_no_ratio(self, level):
        r = np.full(1000, level)
        for function in (metrics.skew, metrics.kurtosis, metrics.probabilistic_sharpe, metrics.omega):
            assert math.isnan(function(r))
        for function in (metrics.sharpe, metrics.sortino, metrics.calmar):
            assert math.isnan(function(r, P))
        assert metrics.annual_volatility(r, P) == 0.0
        assert math.isnan(metrics.beta(ALTERNATING, np.full(8, level)))
        assert math.isnan(metrics.information_ratio(ALTERNATING, ALTERNATING, P))
        close(metrics.annual_return(r, P), level * P)

    def test_constant_growth_has_no_ratio_though_its_returns_are_rounded(self):
        equity = 100.0 * 1.0003 ** np.arange(5000)
        r = metrics.simple_returns(equity)
        assert r.std() > 0.0
        assert math.isnan(metrics.sharpe(r, P))
        assert math.isnan(metrics.skew(r))

    def test_one_return(self):
        r = [-0.25]
        assert np.isnan([metrics.annual_volatility(r, P), metrics.sharpe(r, P), metrics.skew(r)]).all()
        close(metrics.sortino(r, 4), -0.25 * 2.0 / 0.25)
        close(metrics.max_drawdown(r), 0.25)
        close(metrics.value_at_risk(r), 0.25)

    def test_a_tail_of_zero_has_no_ratio(self):
        assert math.isnan(metrics.tail_ratio(np.r_[np.zeros(50), 0.1]))


class TestRuin:
    #: 100, 80, 0, 0, 0
    r = metrics.simple_returns([100.0, 80.0, 0.0, 0.0, 0.0])

    def test_returns_after_ruin_are_undefined(self):
        np.testing.assert_array_equal(self.r, [80.0 / 100.0 - 1.0, -1.0, np.nan, np.nan])

    def test_statistics_end_with_it(self):
        assert metrics.total_return(self.r) == -1.0
        assert metrics.cagr(self.r, P) == -1.0
        assert metrics.max_drawdown(self.r) == 1.0
        assert metrics.max_drawdown_duration(self.r) == 4.0
        # mean −0.6, sd √(2·0.4²) over n − 1 = 1
        close(metrics.sharpe(self.r, 1), -0.6 / math.sqrt(0.32))
        close(metrics.annual_return(self.r, 10), -6.0)

    def test_zeros_in_place_of_the_undefined_change_nothing(self):
        zeros = np.nan_to_num(self.r)
        for function in (metrics.sharpe, metrics.sortino, metrics.annual_volatility, metrics.annual_return):
            assert function(zeros, P) == function(self.r, P)


def test_series_are_read_by_position_and_must_agree():
    index = pd.date_range("2020-01-01", periods=8)
    series = pd.Series(ALTERNATING, index)
    assert metrics.sharpe(series, P, 0.01) == metrics.sharpe(ALTERNATING, P, 0.01)
    close(metrics.beta(series, series), 1.0)
    with pytest.raises(SettingsError, match="different indexes"):
        metrics.beta(series, series.shift(1, freq="D"))


@pytest.mark.parametrize("periods", [0, -1, np.nan, np.inf, None, "252"])
def test_bad_periods_are_refused(periods):
    with pytest.raises(SettingsError, match="periods_per_year"):
        metrics.sharpe(ALTERNATING, periods)


def test_bad_input_is_refused():
    with pytest.raises(SettingsError, match="shape"):
        metrics.sharpe(np.zeros((3, 1)), P)
    with pytest.raises(SettingsError, match="level"):
        metrics.value_at_risk(ALTERNATING, 5.0)
    with pytest.raises(SettingsError, match="7 returns and r has 8"):
        metrics.beta(ALTERNATING, ALTERNATING[:7])
    with pytest.raises(SettingsError, match="periods_per_year"):
        metrics.probabilistic_sharpe(ALTERNATING, risk_free=0.02)


@st.composite
def returns(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.sampled_from([2, 3, 5, 19, 20, 21, 100, 257, 1000, 9000, 30_000]))
    kind = draw(st.sampled_from(["normal", "heavy", "mostly zero", "coarse", "shifted"]))
    if kind == "normal":
        return rng.normal(0.0003, 0.01, n)
    if kind == "heavy":
        return np.clip(rng.standard_t(2, n) * 0.01, -0.5, 5.0)
    if kind == "mostly zero":
        return rng.normal(0.0, 0.01, n) * (rng.random(n) < draw(st.sampled_from([0.02, 0.2])))
    if kind == "coarse":
        return rng.integers(-3, 4, n) / 100.0
    return 0.02 + rng.normal(0.0, 1e-6, n)


@settings(deadline=None, max_examples=80)
@given(returns())
def test_equal_to_numpy_scipy_and_pandas(r):
    rf = 0.03 / P
    sd = np.std(r, ddof=1)
    low, high = np.quantile(r, [0.05, 0.95])
    assert metrics.value_at_risk(r) == -low
    close(metrics.conditional_value_at_risk(r), -r[r <= low].mean())
    close(metrics.tail_ratio(r), high / abs(low) if low != 0.0 else math.nan)
    close(metrics.total_return(r), np.exp(np.log1p(r).sum()) - 1.0, rel=1e-9)
    wealth = np.r_[1.0, np.cumprod(1.0 + r)]
    close(metrics.max_drawdown(r), -(pd.Series(wealth) / pd.Series(wealth).cummax() - 1.0).min(), rel=1e-9)
    if sd == 0.0:
        return
    close(metrics.annual_volatility(r, P), sd * np.sqrt(P), rel=1e-9)
    close(metrics.sharpe(r, P, 0.03), (r - rf).mean() / sd * np.sqrt(P), rel=1e-9)
    lower = np.sqrt(np.mean(np.minimum(r - rf, 0.0) ** 2))
    close(metrics.sortino(r, P, 0.03), (r - rf).mean() / lower * np.sqrt(P) if lower > 0.0 else math.nan, rel=1e-9)
    losses = np.maximum(rf - r, 0.0).sum()
    close(metrics.omega(r, P, 0.03), np.maximum(r - rf, 0.0).sum() / losses if losses > 0.0 else math.nan, rel=1e-9)
    assert metrics.skew(r) == pytest.approx(scipy.stats.skew(r), rel=1e-7, abs=1e-9)
    close(metrics.kurtosis(r), scipy.stats.kurtosis(r, fisher=False), rel=1e-7)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_quantiles_are_exact_when_the_sample_misleads(side):
    # all sampled returns lie in one tail, which is wider than 5 %
    n = 100_000
    rng = np.random.default_rng(0)
    r = rng.normal(0.0, 0.001, n)
    sampled = (np.arange(_scan.SAMPLE) * _scan.GOLDEN % 1.0 * n).astype(int)
    r[sampled] = side * rng.uniform(0.3, 0.5, len(sampled))
    low, high = np.quantile(r, [0.05, 0.95])
    assert metrics.value_at_risk(r) == -low
    assert metrics.tail_ratio(r) == high / abs(low)
    close(metrics.conditional_value_at_risk(r), -r[r <= low].mean())


@pytest.mark.parametrize("level", [0.0005, 0.05, 0.5, 0.93, 0.9995])
@pytest.mark.parametrize("n", [1, 2, 3, 50, 1_023, 1_024, 1_025, 20_000])
def test_quantiles_at_any_level_and_length_are_numpys(n, level):
    rng = np.random.default_rng(n)
    for r in (rng.standard_t(2, n) / 100.0, np.round(rng.normal(0.0, 0.01, n), 2), np.full(n, 0.01)):
        found = _scan.scan_returns(r, is_equity=False, level=level)
        low, high = np.quantile(r, [level, 1.0 - level])
        assert found.low == low
        close(found.high, high, rel=1e-14)
        close(found.low_mean, r[r <= low].mean())


@pytest.mark.parametrize("order", ["sorted", "reversed", "up and down", "equal", "two values", "sawtooth"])
def test_no_order_of_the_returns_makes_quantiles_slow(order):
    # selection that chose its pivots badly would take n²: half an hour for these
    n = 600_000
    ramp = np.linspace(-0.01, 0.02, n)
    r = {
        "sorted": ramp,
        "reversed": ramp[::-1],
        "up and down": np.r_[ramp[::2], ramp[::-2]],
        "equal": np.full(n, 0.01),
        "two values": np.where(ramp < 0.0, -0.01, 0.01),
        "sawtooth": ramp.reshape(-1, 1000).T.ravel(),
    }[order]
    found = _scan.scan_returns(r, is_equity=False, level=0.4)
    assert (found.low, found.high) == tuple(np.quantile(r, [0.4, 0.6]))


@settings(deadline=None, max_examples=30)
@given(returns(), st.integers(0, 2**32 - 1))
def test_benchmark_statistics_equal_numpys(r, seed):
    b = np.random.default_rng([seed, 1]).normal(0.0, 0.01, len(r))
    slope = np.cov(r, b, ddof=1)[0, 1] / np.var(b, ddof=1)
    assert metrics.beta(r, b) == pytest.approx(slope, rel=1e-8, abs=1e-12)
    expected = P * ((r.mean() - 0.03 / P) - slope * (b.mean() - 0.03 / P))
    assert metrics.alpha(r, b, P, 0.03) == pytest.approx(expected, rel=1e-8, abs=1e-10)
    active = r - b
    close(metrics.information_ratio(r, b, P), active.mean() / active.std(ddof=1) * np.sqrt(P), rel=1e-8)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=60))
def test_duration_equals_a_plain_search(levels):
    equity = np.array(levels, float)
    longest = 0
    for i in range(len(equity)):
        if equity[i] < equity[: i + 1].max() or (i + 1 < len(equity) and equity[i + 1] >= equity[i]):
            continue  # not a peak, or not left downwards
        regained = [j for j in range(i + 1, len(equity)) if equity[j] >= equity[i]]
        longest = max(longest, (regained[0] if regained else len(equity) - 1) - i)
    found = metrics.summary(equity, np.arange(len(equity)) * 10**15)
    assert found["max_drawdown_duration"] == longest
