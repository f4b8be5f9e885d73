"""Probabilistic and deflated Sharpe, track record and backtest lengths: the numbers of their papers."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from backtester import metrics
from backtester.errors import SettingsError
from backtester.research.overfitting import (
    SharpeEstimate,
    deflated_sharpe,
    expected_max_sharpe,
    min_backtest_length,
    min_track_record_length,
    probabilistic_sharpe,
    sharpe_estimate,
    variance_of_sharpes,
)

#: Bailey and López de Prado, "The Deflated Sharpe Ratio" (2014): an annual 2.5 over five years of 250 days
DSR_EXAMPLE = {"sharpe": 2.5 / math.sqrt(250), "n": 1250, "skew": -3.0, "kurtosis": 10.0}
V = 0.5 / 250


class TestProbabilisticSharpe:
    def test_the_hedge_fund_of_the_sharpe_ratio_efficient_frontier(self):
        # 24 monthly returns, 0.458 a month; 0.913, and 0.982 were the returns normal
        assert probabilistic_sharpe(0.458, 24, -2.448, 10.164) == pytest.approx(0.913, abs=5e-4)
        assert probabilistic_sharpe(0.458, 24, 0.0, 3.0) == pytest.approx(0.982, abs=5e-4)

    def test_by_hand(self):
        # (1 − 0.5)·√(5 − 1)/√(1 + 2/4) = 1/√1.5
        expected = scipy.stats.norm.cdf(1.0 / math.sqrt(1.5))
        assert probabilistic_sharpe(1.0, 5, 0.0, 3.0, 0.5) == pytest.approx(expected, rel=1e-12)

    def test_returns_are_the_second_door(self):
        r = np.random.default_rng(1).standard_t(5, 300) * 0.01 + 0.001
        estimate = sharpe_estimate(r)
        # the moments by SciPy
        assert estimate.n == 300
        assert estimate.sharpe == pytest.approx(r.mean() / r.std(ddof=1), rel=1e-12)
        assert estimate.skew == pytest.approx(scipy.stats.skew(r), rel=1e-10)
        assert estimate.kurtosis == pytest.approx(scipy.stats.kurtosis(r, fisher=False), rel=1e-10)
        assert probabilistic_sharpe(*estimate) == pytest.approx(metrics.probabilistic_sharpe(r), rel=1e-14)
        with_rate = sharpe_estimate(r, 0.0004)
        assert with_rate.sharpe == pytest.approx((r.mean() - 0.0004) / r.std(ddof=1), rel=1e-12)


class TestExpectedMaximum:
    def test_ten_trials_of_pseudo_mathematics(self):
        assert expected_max_sharpe(10) == pytest.approx(1.57, abs=5e-3)

    @pytest.mark.parametrize(("trials", "accuracy"), [(5, 0.03), (50, 0.02), (1000, 0.01)])
    def test_it_approximates_the_integral(self, trials, accuracy):
        # E[max] = ∫ x·N·φ(x)·Φ(x)^(N−1) dx
        exact, _ = scipy.integrate.quad(
            lambda x: x * trials * scipy.stats.norm.pdf(x) * scipy.stats.norm.cdf(x) ** (trials - 1), -10, 10
        )
        assert expected_max_sharpe(trials) == pytest.approx(exact, rel=accuracy)

    def test_one_trial_selects_nothing(self):
        assert expected_max_sharpe(1) == 0.0
        assert expected_max_sharpe(1.05) == 0.0

    def test_it_has_the_unit_of_the_deviation(self):
        assert expected_max_sharpe(100, 0.04) == pytest.approx(0.2 * expected_max_sharpe(100), rel=1e-14)


class TestDeflatedSharpe:
    def test_the_example_of_the_paper(self):
        assert expected_max_sharpe(100, V) == pytest.approx(0.1132, abs=5e-5)
        found = deflated_sharpe(**DSR_EXAMPLE, trials=100, sharpe_variance=V)
        assert found == pytest.approx(0.9004, abs=5e-5)

    def test_fewer_trials_would_have_been_convincing(self):
        # "should the strategist have made his discovery after running only N = 46": 0.9505
        assert deflated_sharpe(**DSR_EXAMPLE, trials=46, sharpe_variance=V) == pytest.approx(0.9505, abs=5e-5)
        # and with normal returns after N = 88
        normal = DSR_EXAMPLE | {"skew": 0.0, "kurtosis": 3.0}
        assert deflated_sharpe(**normal, trials=88, sharpe_variance=V) == pytest.approx(0.9505, abs=5e-5)

    def test_effective_trials_take_the_place_of_trials(self):
        found = deflated_sharpe(**DSR_EXAMPLE, trials=100, sharpe_variance=V, effective_trials=46)
        assert found == pytest.approx(0.9505, abs=5e-5)

    def test_one_trial_is_not_deflated_whatever_the_variance(self):
        found = deflated_sharpe(**DSR_EXAMPLE, trials=1, sharpe_variance=math.nan)
        assert found == probabilistic_sharpe(**DSR_EXAMPLE)

    def test_the_variance_of_the_trials(self):
        # mean 0.2, deviations −0.1, 0, 0.1: 0.02/2; a trial without a ratio is left out
        assert variance_of_sharpes([0.1, 0.2, np.nan, 0.3]) == pytest.approx(0.01, rel=1e-12)
        assert math.isnan(variance_of_sharpes([0.1]))


class TestMinTrackRecordLength:
    @pytest.mark.parametrize(("periods", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
    def test_the_years_of_the_paper(self, periods, years):
        # an annual 2 against 1, normal returns, 95 %
        root = math.sqrt(periods)
        found = min_track_record_length(2.0 / root, 0.0, 3.0, 1.0 / root)
        assert found / periods == pytest.approx(years, abs=5e-3)

    def test_hedge_fund_like_returns_take_longer(self):
        root = math.sqrt(12)
        assert min_track_record_length(2 / root, -0.72, 5.78, 1 / root) / 12 == pytest.approx(4.99, abs=5e-3)

    def test_it_is_the_length_at_which_psr_is_the_level(self):
        # n − 1 = 4·9 = 36 for z = 2·3, so choose the level that makes n whole: z² · variance/(SR − SR*)² = 36
        sharpe, skew, kurtosis = 0.5, -1.0, 6.0
        variance = 1.0 + 0.5 + 5.0 / 4.0 * 0.25
        level = scipy.stats.norm.cdf(6.0 * 0.4 / math.sqrt(variance))
        assert min_track_record_length(sharpe, skew, kurtosis, 0.1, level) == pytest.approx(37.0, rel=1e-9)
        assert probabilistic_sharpe(sharpe, 37, skew, kurtosis, 0.1) == pytest.approx(level, rel=1e-12)

    def test_no_length_is_enough_below_the_benchmark(self):
        assert min_track_record_length(0.1, 0.0, 3.0, 0.1) == math.inf
        assert min_track_record_length(0.05, 0.0, 3.0, 0.1) == math.inf


class TestMinBacktestLength:
    def test_five_years_allow_45_trials(self):
        assert min_backtest_length(45, 1.0) <= 5.0 < min_backtest_length(46, 1.0)
        assert min_backtest_length(45, 1.0) == pytest.approx(5.0, abs=5e-3)

    def test_bars_for_a_ratio_per_bar(self):
        per_bar = 1.0 / math.sqrt(252)
        assert min_backtest_length(45, per_bar) == pytest.approx(252 * min_backtest_length(45, 1.0), rel=1e-12)

    @pytest.mark.parametrize("trials", [2, 10, 1000])
    def test_the_bound_of_the_paper(self, trials):
        assert min_backtest_length(trials, 0.7) < 2.0 * math.log(trials) / 0.49

    def test_one_trial_needs_none(self):
        assert min_backtest_length(1, 1.0) == 0.0


class TestUndefined:
    NORMAL = (0.1, 100, 0.0, 3.0)

    @pytest.mark.parametrize("at", [0, 2, 3])
    def test_nan_goes_through(self, at):
        arguments = list(self.NORMAL)
        arguments[at] = math.nan
        assert math.isnan(probabilistic_sharpe(*arguments))
        assert math.isnan(deflated_sharpe(*arguments, trials=10, sharpe_variance=0.01))
        del arguments[1]
        assert math.isnan(min_track_record_length(*arguments))

    def test_nan_among_the_settings(self):
        assert math.isnan(deflated_sharpe(*self.NORMAL, trials=10, sharpe_variance=math.nan))
        assert math.isnan(probabilistic_sharpe(*self.NORMAL, math.nan))
        assert math.isnan(min_track_record_length(0.1, 0.0, 3.0, math.nan))
        assert math.isnan(min_backtest_length(math.nan, 1.0))

    def test_a_variance_that_is_not_positive(self):
        # 1 − 3·1 + (3 − 1)/4 = −1.5
        assert math.isnan(probabilistic_sharpe(1.0, 100, 3.0, 3.0))
        assert math.isnan(min_track_record_length(1.0, 3.0, 3.0))
        assert math.isnan(probabilistic_sharpe(0.1, 1, 0.0, 3.0))

    @pytest.mark.parametrize("r", [[], np.full(50, 0.01), np.zeros(50)])
    def test_returns_without_a_ratio(self, r):
        estimate = sharpe_estimate(r)
        assert isinstance(estimate, SharpeEstimate)
        assert math.isnan(estimate.sharpe)

    def test_a_return_that_is_not_finite_is_refused_with_its_bar(self):
        with pytest.raises(SettingsError, match="returns at bar 1 is nan; it must be finite"):
            sharpe_estimate([0.1, math.nan, 0.2])
        with pytest.raises(SettingsError, match="returns at bar 2 is inf"):
            sharpe_estimate([0.1, 0.2, math.inf])
        assert sharpe_estimate([0.1, -1.0, math.nan]).n == 2  # ruin ends them


class TestErrors:
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: deflated_sharpe(0.1, 10, 0, 3, trials=0, sharpe_variance=1), "trials is 0; it must be 1 to inf"),
            (lambda: deflated_sharpe(0.1, 10, 0, 3, trials=-3, sharpe_variance=1), "trials is -3"),
            (lambda: deflated_sharpe(0.1, 10, 0, 3, trials=3, sharpe_variance=-1), "sharpe_variance is -1"),
            (
                lambda: deflated_sharpe(0.1, 10, 0, 3, trials=3, sharpe_variance=1, effective_trials=4),
                "effective_trials is 4 and trials 3",
            ),
            (lambda: deflated_sharpe(0.1, 10, 0, 3, trials=math.inf, sharpe_variance=1), "must be finite"),
            (lambda: probabilistic_sharpe(0.1, 0, 0, 3), "n is 0; it must be 1 at least"),
            (lambda: probabilistic_sharpe(0.1, 10.5, 0, 3), "n is 10.5; it must be a whole number"),
            (lambda: probabilistic_sharpe(0.1, 10, 0, 0.5), "kurtosis is 0.5; it must be 1 to inf"),
            (lambda: probabilistic_sharpe("a", 10, 0, 3), "sharpe is 'a'; it must be a number"),
            (lambda: min_track_record_length(0.1, 0, 3, level=1.0), "level is 1.0"),
            (lambda: min_track_record_length(0.1, 0, 3, level=0.3), "0.5 at least"),
            (lambda: min_backtest_length(0.5, 1.0), "trials is 0.5"),
            (lambda: min_backtest_length(5, 0.0), "expected_max is 0.0; it must be above 0"),
        ],
    )
    def test_say_what_was_found(self, call, message):
        with pytest.raises(SettingsError, match=message.replace("(", r"\(")):
            call()
