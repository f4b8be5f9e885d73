"""The information coefficient over time, and its errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from score_cases import DAY, ar1_bars, daily_bars, label_of, signal_of

from backtester.errors import SettingsError
from backtester.signals import forward_return
from backtester.signals.scores import ic_over_time, ic_statistics, newey_west
from backtester.signals.scores.information import lags_of, period_keys
from backtester.signals.scores.scored import scored


class TestNeweyWest:
    def test_by_hand(self):
        # x = 1, 2, 0, 3: mean 1.5, apart −0.5, 0.5, −1.5, 1.5
        # γ0 = (0.25 + 0.25 + 2.25 + 2.25)/4 = 1.25; γ1 = (−0.25 − 0.75 − 2.25)/4 = −0.8125
        # L = 1: S = 1.25 − 2·(1/2)·0.8125 = 0.4375; t = 1.5/√(0.4375/4)
        mean, t = newey_west([1.0, 2.0, 0.0, 3.0], 1)
        assert mean == 1.5
        assert t == pytest.approx(1.5 / math.sqrt(0.4375 / 4.0), rel=1e-14)

    def test_without_lags_it_is_the_ordinary_t(self):
        x = np.random.default_rng(0).normal(0.3, 1.0, 50)
        assert newey_west(x, 0)[1] == pytest.approx(x.mean() / (x.std() / math.sqrt(50)), rel=1e-12)

    def test_two_lags_term_by_term(self):
        x = np.random.default_rng(1).normal(0.1, 1.0, 12)
        d = x - x.mean()
        gamma = [sum(d[t] * d[t - k] for t in range(k, 12)) / 12 for k in range(3)]
        spread = gamma[0] + 2.0 * (2.0 / 3.0) * gamma[1] + 2.0 * (1.0 / 3.0) * gamma[2]
        assert newey_west(x, 2)[1] == pytest.approx(x.mean() / math.sqrt(spread / 12), rel=1e-12)

    def test_too_few_or_no_spread(self):
        assert math.isnan(newey_west([], 0)[0])
        assert newey_west([0.5], 3)[0] == 0.5
        assert math.isnan(newey_west([0.5], 3)[1])
        assert math.isnan(newey_west([0.1, 0.1, 0.1], 1)[1])

    @pytest.mark.parametrize("lags", [-1, 1.5, True])
    def test_lags_are_whole(self, lags):
        with pytest.raises(SettingsError, match="lags is"):
            newey_west([1.0, 2.0], lags)

    def test_overlap_makes_a_mean_less_certain_and_the_lags_see_it(self):
        # sums of 5 neighbours of white noise: the ordinary t is √5 too large, as the variance of the mean is 5 times
        # that of independent values; Bartlett's weights with 4 lags find 1 + 2·Σ(1 − k/5)² = 3.4 of it
        rng = np.random.default_rng(2)
        ordinary, corrected = [], []
        for _ in range(400):
            x = np.convolve(rng.normal(size=604), np.ones(5), mode="valid")
            ordinary.append(newey_west(x, 0)[1])
            corrected.append(newey_west(x, 4)[1])
        assert np.std(ordinary) == pytest.approx(math.sqrt(5.0), rel=0.1)
        assert np.std(corrected) == pytest.approx(math.sqrt(5.0 / 3.4), rel=0.1)


class TestSeries:
    def test_across_assets_each_bar_is_a_correlation(self):
        rng = np.random.default_rng(0)
        bars = daily_bars(100.0 + rng.uniform(size=(12, 6)))
        said, happened = rng.normal(size=(12, 6)), rng.normal(size=(12, 6))
        said[3, :2] = np.nan  # four are left: too few
        happened[5, 1] = np.nan
        said[7] = 1.0  # constant
        series, period = ic_over_time(scored(signal_of(bars, said, label_of(bars, happened), [(0, 11)])))
        assert period == "bar"
        assert series["n"].tolist() == [6, 6, 6, 4, 6, 5, 6, 6, 6, 6, 6, 6]
        for t in range(12):
            known = np.isfinite(said[t] * happened[t])
            if t in (3, 7):
                assert series.iloc[t][["ic", "rank_ic"]].isna().all()
                continue
            pair = said[t][known], happened[t][known]
            assert series["ic"].iloc[t] == pytest.approx(scipy.stats.pearsonr(*pair).statistic, rel=1e-10)
            assert series["rank_ic"].iloc[t] == pytest.approx(scipy.stats.spearmanr(*pair).statistic, rel=1e-10)

    def test_of_one_asset_months_are_pooled(self):
        rng = np.random.default_rng(1)
        bars = daily_bars(100.0 + rng.uniform(size=92))  # January to March, and a day
        said, happened = rng.normal(size=92), rng.normal(size=92)
        series, period = ic_over_time(scored(signal_of(bars, said, label_of(bars, happened), [(0, 91)])))
        assert period == "month"
        assert series["n"].tolist() == [31, 29, 31, 1]
        assert series.index[0].isoformat() == "2020-02-01T00:00:00+00:00"  # the close of 31 January
        product = scipy.stats.zscore(said) * scipy.stats.zscore(happened)
        assert series["ic"].iloc[1] == pytest.approx(product[31:60].mean(), rel=1e-10)
        places = [scipy.stats.zscore(scipy.stats.rankdata(one)) for one in (said, happened)]
        assert series["rank_ic"].iloc[2] == pytest.approx((places[0] * places[1])[60:91].mean(), rel=1e-10)
        assert math.isnan(series["ic"].iloc[3])

    def test_months_add_up_to_the_correlation_of_all(self):
        rng = np.random.default_rng(2)
        bars = daily_bars(100.0 + rng.uniform(size=(91, 2)))  # three months
        signal = signal_of(bars, rng.normal(size=(91, 2)), label_of(bars, rng.normal(size=(91, 2))), [(0, 90)])
        found = signal.metrics(period="month")
        for name in ("ic", "rank_ic"):
            mean = np.average(found.ic_series[name], weights=found.ic_series["n"])
            assert mean == pytest.approx(found.overall[name], rel=1e-10)

    def test_a_constant_signal_has_none(self):
        bars = daily_bars(100.0 + np.random.default_rng(3).uniform(size=91))
        signal = signal_of(bars, np.ones(91), label_of(bars, bars.close), [(0, 90)])
        assert ic_over_time(scored(signal))[0]["ic"].isna().all()

    def test_short_periods_find_no_reversal_in_a_random_walk(self):
        # correlations within months would be −√(5·5)/30.4 = −0.16 in the mean, each give or take some 0.3: with 197
        # months (6,000 days) that is a t-statistic near −7. Here it is that of a standard normal number
        bars = ar1_bars(6_000, phi=0.0, seed=11)
        before = np.full((6_000, 1), np.nan)
        before[5:] = np.log(bars.close[5:] / bars.close[:-5])
        signal = signal_of(bars, before, forward_return(bars, 5, log=True), [(0, 5_999)])
        found = signal.metrics()
        assert found.period == "month"
        assert abs(found.ic_statistics.loc["ic", "t_statistic"]) < 3.0
        within = [
            np.corrcoef(before[at, 0], forward_return(bars, 5, log=True).values[at, 0])[0, 1]
            for at in (slice(k, k + 30) for k in range(5, 5_960, 30))
        ]
        assert np.mean(within) < -0.1  # what a naive series shows

    @pytest.mark.parametrize(
        ("period", "wanted"),
        [("day", [18_261, 18_262, 18_263]), ("month", [599, 600, 600]), ("quarter", [199, 200, 200])],
    )
    def test_periods(self, period, wanted):
        # midnight of the first of January 2020 ends the last day of 2019
        clock = 18_262 * DAY + DAY * np.arange(3)
        assert period_keys(clock, period).tolist() == wanted

    def test_a_period_that_is_none(self):
        bars = daily_bars(np.arange(101.0, 141.0))
        signal = signal_of(bars, np.arange(40.0), label_of(bars, np.arange(40.0) % 7), [(0, 39)])
        with pytest.raises(SettingsError, match=r"period is 'months'; did you mean 'month'"):
            signal.metrics(period="months")
        with pytest.raises(SettingsError, match=r"1 assets: a correlation across them needs 5"):
            signal.metrics(period="bar")

    def test_statistics(self):
        bars = daily_bars(100.0 + np.random.default_rng(4).uniform(size=(30, 6)))
        rng = np.random.default_rng(5)
        signal = signal_of(bars, rng.normal(size=(30, 6)), label_of(bars, rng.normal(size=(30, 6)), reach=3), [(0, 29)])
        samples = scored(signal)
        series, period = ic_over_time(samples)
        assert lags_of(samples, series, period) == 2  # a label of three bars overlaps those of the next two
        found = ic_statistics(series, 2).loc["ic"]
        x = series["ic"].to_numpy()
        assert found["mean"] == pytest.approx(x.mean(), rel=1e-12)
        assert found["std"] == pytest.approx(x.std(ddof=1), rel=1e-12)
        assert found["ratio"] == pytest.approx(x.mean() / x.std(ddof=1), rel=1e-12)
        assert found["t_statistic"] == newey_west(x, 2)[1]
        assert found["positive"] == (x > 0).mean()
        assert found["n_periods"] == 30


def test_the_ic_of_an_autoregression_is_its_coefficient():
    # the best forecast of r[t+1] = φ·r[t] + e is φ·r[t], and corr(φ·r[t], r[t+1]) = |φ|. Its standard error is
    # (1 − φ²)/√n = 0.0048 with 40,000 returns, and φ = −0.3 is found within four of them
    bars = ar1_bars(8_001, 5, phi=-0.3, seed=7)
    moves = np.diff(np.log(bars.close), axis=0, prepend=np.nan)
    signal = signal_of(bars, -0.3 * moves, forward_return(bars, 1, log=True), [(1, 8_000)])
    found = signal.metrics()
    assert found.overall["ic"] == pytest.approx(0.3, abs=4 * 0.0048)
    # r2 = φ² of the variance, against 0 as no mean is known; Spearman's of normal numbers is 6/π·asin(ρ/2)
    assert found.overall["r2_oos"] == pytest.approx(0.09, abs=0.012)
    assert found.overall["rank_ic"] == pytest.approx(6.0 / math.pi * math.asin(0.15), abs=0.02)
