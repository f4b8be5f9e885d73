"""Z-score, skewness, correlation and beta: by hand, beside NumPy, SciPy, pandas and TA-Lib, and under stress."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import talib
from windows import of_each_window, walk

from backtester import metrics
from backtester.bars import Bars
from backtester.errors import DataError, SettingsError
from backtester.indicators import (
    returns,
    rolling_beta,
    rolling_correlation,
    rolling_skew,
    rolling_std,
    rolling_zscore,
    sma,
)

NAN = math.nan
PERIODS = (3, 4, 7, 20, 64)


def test_zscore_by_hand():
    # windows (1, 3): mean 2, deviation 1; (3, 9): mean 6, deviation 3; (9, 5): mean 7, deviation 2
    x = np.array([1.0, 3.0, 9.0, 5.0])
    np.testing.assert_array_equal(rolling_zscore(x, 2), [NAN, 1.0, 1.0, -1.0])
    # the sample deviation of (1, 3) is √2
    np.testing.assert_allclose(rolling_zscore(x, 2, ddof=1)[1], 1.0 / math.sqrt(2.0), rtol=1e-15)


def test_skew_by_hand():
    # 0, 0, 3: mean 1, m₂ = (1 + 1 + 4)/3 = 2, m₃ = (−1 − 1 + 8)/3 = 2, so 2/2^1.5 = 1/√2
    np.testing.assert_allclose(rolling_skew(np.array([0.0, 0.0, 3.0]), 3)[2], 1.0 / math.sqrt(2.0), rtol=1e-15)
    # √(3·2)/1 times that is √3
    np.testing.assert_allclose(rolling_skew(np.array([0.0, 0.0, 3.0]), 3, bias=False)[2], math.sqrt(3.0), rtol=1e-15)


def test_correlation_and_beta_by_hand():
    # deviations of x: −1, 0, 1; of y: −1, 2, −1 and then x: −1, 0, 1, y = 2, −1, −1
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 3.0, 0.0, 0.0])
    # xy = 1 + 0 − 1 = 0; then −2 + 0 − 1 = −3, xx = 2, yy = 6
    np.testing.assert_allclose(rolling_correlation(x, y, 3), [NAN, NAN, 0.0, -3.0 / math.sqrt(12.0)], rtol=1e-15)
    np.testing.assert_allclose(rolling_beta(y, x, 3), [NAN, NAN, 0.0, -1.5], rtol=1e-15)


@pytest.mark.parametrize("n", PERIODS)
def test_zscore_is_the_distance_from_the_average_in_deviations(n):
    x = walk(3 * n + 5, seed=n)[3]
    for ddof in (0, 1):
        expected = of_each_window(lambda w, ddof=ddof: (w[-1] - w.mean()) / w.std(ddof=ddof), n, x)
        np.testing.assert_allclose(rolling_zscore(x, n, ddof), expected, rtol=1e-10, atol=1e-12)
        ours = (x - sma(x, n)) / rolling_std(x, n, ddof)
        np.testing.assert_allclose(rolling_zscore(x, n, ddof), ours, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n", PERIODS)
def test_skew_is_scipys_and_pandas(n):
    x = np.diff(np.log(walk(3 * n + 6, seed=n)[3]))
    population = of_each_window(scipy.stats.skew, n, x)
    np.testing.assert_allclose(rolling_skew(x, n), population, rtol=1e-10, atol=1e-12)
    sample = of_each_window(lambda w: scipy.stats.skew(w, bias=False), n, x)
    np.testing.assert_allclose(rolling_skew(x, n, bias=False), sample, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(rolling_skew(x, n, bias=False), pd.Series(x).rolling(n).skew(), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(rolling_skew(x, n)[-1], metrics.skew(x[-n:]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n", [2, *PERIODS])
def test_correlation_and_beta_are_numpys_and_pandas(n):
    x, y = walk(3 * n + 5, seed=n)[3], walk(3 * n + 5, seed=n + 1)[3]
    found = rolling_correlation(x, y, n)
    expected = of_each_window(lambda a, b: np.corrcoef(a, b)[0, 1], n, x, y)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found, pd.Series(x).rolling(n).corr(pd.Series(y)), rtol=1e-6, atol=1e-9)
    slopes = of_each_window(lambda a, b: np.polyfit(a - a[-1], b, 1)[0], n, x, y)
    np.testing.assert_allclose(rolling_beta(y, x, n), slopes, rtol=1e-8, atol=1e-10)
    a, b = pd.Series(x), pd.Series(y)
    np.testing.assert_allclose(rolling_beta(y, x, n), a.rolling(n).cov(b) / a.rolling(n).var(), rtol=1e-6, atol=1e-9)


def test_many_assets_have_the_bits_that_each_has_alone():
    x = np.stack([walk(90, seed=seed)[3] for seed in range(5)], axis=1)
    y = x[:, ::-1].copy()
    for function in (rolling_correlation, rolling_beta):
        together = function(x, y, 8)
        for a in range(5):
            assert together[:, a].tobytes() == function(x[:, a], y[:, a], 8).tobytes()


@pytest.mark.parametrize("sample", ["sp500", "stocks"])
def test_correlation_and_beta_equal_talibs_on_real_data(sample):
    bars = Bars.sample(sample)
    for a in range(bars.n_assets):
        traded = ~np.isnan(bars.close[:, a])
        x, y = (np.ascontiguousarray(panel[traded, a]) for panel in (bars.high, bars.close))
        for n in (2, 5, 14, 30, 200):
            # TA-Lib subtracts from running sums of squares of prices, and has some eight digits
            ours, theirs = rolling_correlation(x, y, n), talib.CORREL(x, y, n)
            constant = (of_each_window(np.ptp, n, x) == 0.0) | (of_each_window(np.ptp, n, y) == 0.0)
            assert np.isnan(ours[constant]).all()
            assert (np.isnan(ours[: n - 1]) == np.isnan(theirs[: n - 1])).all()
            np.testing.assert_allclose(ours[~constant], theirs[~constant], atol=2e-6)
            ours = rolling_beta(returns(y), returns(x), n)
            theirs = talib.BETA(x, y, n)
            assert (np.isnan(ours[: n + 1]) == np.isnan(theirs[: n + 1])).all()
            there = ~np.isnan(ours)
            assert (theirs[n:][~there[n:]] == 0.0).all()  # where the returns of x are all alike
            np.testing.assert_allclose(ours[there], theirs[there], rtol=1e-5, atol=1e-6)


def test_correlation_and_beta_equal_talibs_from_the_first_value_on():
    for n_bars in range(2, 20):
        x, y = walk(n_bars, seed=n_bars, step=0.1)[3], walk(n_bars, seed=n_bars + 50, step=0.1)[3]
        np.testing.assert_allclose(rolling_correlation(x, y, 5), talib.CORREL(x, y, 5), rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(rolling_beta(returns(y), returns(x), 5), talib.BETA(x, y, 5), rtol=1e-9, atol=1e-10)
    x, y = walk(99, seed=1, step=0.1)[3], walk(99, seed=2, step=0.1)[3]
    np.testing.assert_allclose(rolling_correlation(x, y), talib.CORREL(x, y), rtol=1e-8)


def test_a_constant_window_has_no_value():
    rest = np.random.default_rng(4).normal(0.0, 1.0, 20)
    for level in (0.1, 1e6 + 0.1, 1e-9, -3.3, 0.0):
        x = np.concatenate([[5e9, -2.0, 17.0], np.full(20, level), [1e12], np.full(20, level)])
        y = np.concatenate([rest, rest, rest])[: len(x)]
        constant = of_each_window(np.ptp, 10, x) == 0.0
        assert constant.sum() == 11 + 11
        for found in (
            rolling_zscore(x, 10),
            rolling_skew(x, 10),
            rolling_correlation(x, y, 10),
            rolling_correlation(y, x, 10),
            rolling_beta(y, x, 10),
        ):
            assert np.isnan(found[constant]).all()
            assert np.isfinite(found[9:][~constant[9:]]).all()
        np.testing.assert_array_equal(rolling_beta(x, y, 10)[constant], 0.0)


def test_a_large_mean_costs_no_digits():
    rng = np.random.default_rng(5)
    small, other = rng.integers(-1000, 1000, 300) / 1024.0, rng.integers(-1000, 1000, 300) / 1024.0
    shifted, moved = small + 2.0**30, other - 2.0**33  # exact: 41 and 44 binary digits
    for function in (rolling_zscore, rolling_skew):
        np.testing.assert_allclose(function(shifted, 20), function(small, 20), rtol=1e-11, atol=1e-12)
    for pair in (rolling_correlation, rolling_beta):
        np.testing.assert_allclose(pair(shifted, moved, 20), pair(small, other, 20), rtol=1e-11, atol=1e-12)


def test_a_spike_leaves_no_trace_once_it_is_out_of_the_window():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=60), rng.normal(size=60)
    for spike in (1e17, np.inf):
        spiked = x.copy()
        spiked[13] = spike
        for function in (rolling_zscore, rolling_skew):
            np.testing.assert_array_equal(function(spiked, 5)[18:], function(x, 5)[18:])
        for pair in (rolling_correlation, rolling_beta):
            np.testing.assert_array_equal(pair(spiked, y, 5)[18:], pair(x, y, 5)[18:])


def test_values_keep_to_their_range():
    x = 12345.678 + np.random.default_rng(7).integers(0, 2, 3000) * 1e-9
    for n in (2, 5, 31):
        for y in (x, -x, 3.0 * x + 1.0):
            found = rolling_correlation(x, y, n)
            assert (np.abs(found[~np.isnan(found)]) <= 1.0).all()
        scores = rolling_zscore(x, n)
        assert np.nanmax(np.abs(scores)) <= (n - 1) / math.sqrt(n) * math.sqrt(n / (n - 1)) + 1e-9


def test_a_line_is_found_exactly():
    x = np.arange(50.0) ** 2
    np.testing.assert_allclose(rolling_beta(3.0 - 2.0 * x, x, 7)[6:], -2.0, rtol=1e-13)
    np.testing.assert_allclose(rolling_correlation(3.0 - 2.0 * x, x, 7)[6:], -1.0, rtol=1e-13)


def test_settings_are_checked():
    x = np.arange(9.0)
    for function in (rolling_zscore, rolling_skew):
        with pytest.raises(SettingsError, match=f"^{function.__name__}: n is 1; "):
            function(x, 1)
    with pytest.raises(SettingsError, match=r"^rolling_skew: n is 2; a period is 3 or more"):
        rolling_skew(x, 2)
    for ddof in (-1, 5, 0.5):
        with pytest.raises(SettingsError, match=r"^rolling_zscore: ddof is "):
            rolling_zscore(x, 5, ddof)
    for bias in (0, 1, "no", None):
        with pytest.raises(SettingsError, match=r"^rolling_skew: bias is .* True or False"):
            rolling_skew(x, 5, bias)
    for pair in (rolling_correlation, rolling_beta):
        with pytest.raises(SettingsError, match=f"^{pair.__name__}: n is 1; "):
            pair(x, x, 1)
        with pytest.raises(DataError, match=r"has shape \(8,\), but . has shape \(9,\)"):
            pair(x, x[:8], 3)
