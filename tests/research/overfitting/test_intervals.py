"""Bootstrap intervals: the textbook's numbers, the metrics of every replicate, and how often they hold."""

import math

import numpy as np
import pandas as pd
import pytest

from backtester import metrics
from backtester.errors import SettingsError
from backtester.research.overfitting import bootstrap_intervals, optimal_block_length
from backtester.research.overfitting._random import stationary_rows
from backtester.research.overfitting.intervals import METRICS

P, RATE = 252, 0.03


def market(n=400, seed=1):
    rng = np.random.default_rng(seed)
    b = rng.standard_t(4, n) * 0.008 + 0.0002
    return 0.7 * b + rng.normal(0.0003, 0.006, n), b


def by_the_library(r, b):
    """Every metric by `backtester.metrics`, called as its docs say."""
    return {
        "total_return": metrics.total_return(r),
        "cagr": metrics.cagr(r, P),
        "annual_return": metrics.annual_return(r, P),
        "annual_volatility": metrics.annual_volatility(r, P),
        "sharpe": metrics.sharpe(r, P, RATE),
        "sortino": metrics.sortino(r, P, RATE),
        "max_drawdown": metrics.max_drawdown(r),
        "max_drawdown_duration": metrics.max_drawdown_duration(r),
        "calmar": metrics.calmar(r, P),
        "omega": metrics.omega(r, P, RATE),
        "value_at_risk": metrics.value_at_risk(r),
        "conditional_value_at_risk": metrics.conditional_value_at_risk(r),
        "tail_ratio": metrics.tail_ratio(r),
        "skew": metrics.skew(r),
        "kurtosis": metrics.kurtosis(r),
        "alpha": metrics.alpha(r, b, P, RATE),
        "beta": metrics.beta(r, b),
        "information_ratio": metrics.information_ratio(r, b, P),
        "probabilistic_sharpe": metrics.probabilistic_sharpe(r, periods_per_year=P, risk_free=RATE),
    }


class TestTextbook:
    def test_the_mice_of_efron_and_tibshirani(self):
        """ "An Introduction to the Bootstrap" (1993), table 2.2: seven treated mice, as replicates grow without end."""
        survival = np.array([94.0, 197.0, 16.0, 38.0, 99.0, 141.0, 23.0])
        found = bootstrap_intervals(
            survival, {"mean": np.mean, "median": np.median}, block_length=1.0, replicates=20_000
        )
        error = found.table["standard_error"]
        assert found.table.loc["mean", "estimate"] == pytest.approx(86.86, abs=5e-3)
        # 20,000 replicates know a standard error to 1/√40,000 = 0.5 %; three of them
        assert error["mean"] == pytest.approx(23.36, rel=0.015)
        assert error["median"] == pytest.approx(37.83, rel=0.015)

    def test_the_error_of_a_mean_of_independent_draws(self):
        r, _ = market()
        found = bootstrap_intervals(r, "annual_return", periods_per_year=P, block_length=1.0, replicates=20_000)
        # √(m₂/n), in units of a year; and the interval of a normal
        exact = P * r.std() / math.sqrt(len(r))
        row = found.table.loc["annual_return"]
        assert row["standard_error"] == pytest.approx(exact, rel=0.015)
        assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * exact, rel=0.03)


class TestEveryReplicate:
    @pytest.mark.parametrize("n", [10, 21, 400])
    def test_has_the_metrics_of_the_rows_it_drew(self, n):
        r, b = market(n)
        found = bootstrap_intervals(
            r, periods_per_year=P, risk_free=RATE, benchmark=b, block_length=3.0, seed=9, replicates=100
        )
        assert tuple(found.table.index) == METRICS
        rows = stationary_rows(n, 3.0, 100, seed=9)
        for k in range(100):
            expected = by_the_library(r[rows[k]], b[rows[k]])
            np.testing.assert_allclose(
                found.draws[k], [expected[name] for name in METRICS], rtol=1e-8, atol=1e-11, err_msg=str(k)
            )
        expected = by_the_library(r, b)
        np.testing.assert_allclose(found.table["estimate"], [expected[name] for name in METRICS], rtol=1e-8)

    def test_so_it_is_after_ruin(self):
        r, b = market(60)
        r[30] = -1.0
        found = bootstrap_intervals(
            r, periods_per_year=P, risk_free=RATE, benchmark=b, block_length=3.0, seed=9, replicates=100
        )
        rows = stationary_rows(60, 3.0, 100, seed=9)
        for k in (0, 50, 99):
            expected = by_the_library(r[rows[k]], b[rows[k]])
            np.testing.assert_allclose(found.draws[k], [expected[name] for name in METRICS], rtol=1e-8)
        assert found.table.loc["total_return", "estimate"] == -1.0

    def test_ties_and_few_values(self):
        r = np.tile([0.01, 0.01, -0.02, 0.0], 15)
        found = bootstrap_intervals(r, block_length=2.0, replicates=200)
        rows = stationary_rows(60, 2.0, 200, seed=0)
        names = ["value_at_risk", "conditional_value_at_risk", "tail_ratio", "max_drawdown_duration"]
        for k in range(200):
            drawn = r[rows[k]]
            for name in names:
                column = found.table.index.get_loc(name)
                assert found.draws[k, column] == pytest.approx(getattr(metrics, name)(drawn), rel=1e-12, nan_ok=True)


class TestTable:
    def test_ends_are_quantiles_of_the_draws(self):
        r, _ = market()
        found = bootstrap_intervals(r, ["sharpe", "max_drawdown"], periods_per_year=P, level=0.8)
        for column, name in enumerate(["sharpe", "max_drawdown"]):
            drawn = found.draws[:, column]
            row = found.table.loc[name]
            assert row["low"] == pytest.approx(np.quantile(drawn, 0.1))
            assert row["high"] == pytest.approx(np.quantile(drawn, 0.9))
            assert row["standard_error"] == pytest.approx(drawn.std(ddof=1))
            assert row["undefined"] == 0.0

    def test_what_is_allowed_is_measured(self):
        r, b = market()
        without = set(bootstrap_intervals(r, replicates=100).table.index)
        assert set(METRICS) - without == {
            "cagr", "annual_return", "annual_volatility", "sharpe", "sortino", "calmar", "alpha", "beta",
            "information_ratio",
        }  # fmt: skip
        assert set(bootstrap_intervals(r, benchmark=b, replicates=100).table.index) - without == {"beta"}

    def test_constant_returns_have_no_ratio(self):
        found = bootstrap_intervals(np.full(50, 0.001), periods_per_year=P).table
        for name in ("sharpe", "skew", "kurtosis", "probabilistic_sharpe", "calmar", "omega"):
            assert found.loc[name, ["estimate", "low", "high", "standard_error"]].isna().all(), name
            assert found.loc[name, "undefined"] == 1.0
        assert found.loc["total_return", "low"] == pytest.approx(1.001**50 - 1)

    def test_replicates_without_the_metric_are_counted(self):
        # one loss among 20: a sample has none with probability 0.95^20 = 0.358, and then no omega
        r = np.full(20, 0.01)
        r[7] = -0.01
        found = bootstrap_intervals(r, "omega", block_length=1.0, replicates=5000).table
        assert found.loc["omega", "undefined"] == pytest.approx(0.95**20, abs=0.025)
        assert np.isfinite(found.loc["omega", "high"])

    def test_a_series_by_pandas_is_read_by_position(self):
        r, _ = market()
        series = pd.Series(r, index=pd.date_range("2020-01-01", periods=len(r)))
        ours = bootstrap_intervals(series, "skew").table
        pd.testing.assert_frame_equal(ours, bootstrap_intervals(r, "skew").table)

    def test_blocks_are_as_long_as_moves_cluster(self):
        rng = np.random.default_rng(3)
        r = rng.normal(size=2000) * np.exp(np.repeat(rng.normal(size=100), 20)) * 0.005
        r = np.clip(r, -0.5, 0.5)
        found = bootstrap_intervals(r, "skew").block_length
        assert found == pytest.approx(optimal_block_length((r - r.mean()) ** 2)[0])
        assert found > optimal_block_length(r)[0]

    def test_the_same_seed_gives_the_same_draws(self):
        r, _ = market()
        one, same, other = (bootstrap_intervals(r, "skew", seed=s).draws for s in (4, 4, 5))
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, other)


class TestHowOftenTheyHold:
    @pytest.mark.parametrize("coefficient", [0.0, 0.5])
    def test_a_nine_in_ten_interval_of_a_mean(self, coefficient):
        hits = 0
        for seed in range(200):
            noise = np.random.default_rng(seed).normal(0.0, 0.01, 400)
            r = np.empty(400)
            value = 0.0
            for t in range(400):
                value = coefficient * value + noise[t]
                r[t] = value
            row = bootstrap_intervals(
                r, "annual_return", periods_per_year=1, level=0.9, replicates=300, seed=seed
            ).table.iloc[0]
            hits += row["low"] <= 0.0 <= row["high"]
        # 200 runs: deviation √(0.9·0.1/200) = 0.021; dependence costs the bootstrap some coverage
        assert 0.9 - (0.064 if coefficient == 0.0 else 0.1) < hits / 200 < 0.964

    def test_blocks_for_clustered_moves_make_intervals_of_volatility_hold(self):
        """GARCH(1, 1) returns: deviations of √(2e-6/(1 − 0.98)) = 0.01, and squares that stay large for long."""
        hits = {"default": 0, "of returns alone": 0}
        for seed in range(60):
            z = np.random.default_rng(seed).normal(size=1500)
            r, variance = np.empty(1500), 1e-4
            for t in range(1500):
                r[t] = math.sqrt(variance) * z[t]
                variance = 2e-6 + 0.08 * r[t] ** 2 + 0.9 * variance
            for name, length in (("default", None), ("of returns alone", optimal_block_length(r)[0])):
                row = bootstrap_intervals(
                    r, "annual_volatility", periods_per_year=1, level=0.9, replicates=200, block_length=length
                ).table.iloc[0]
                hits[name] += row["low"] <= 0.01 <= row["high"]
        assert hits["default"] / 60 > 0.65
        assert hits["of returns alone"] / 60 < 0.5


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"metrics": "sharp"}, "there is no metric 'sharp'; did you mean 'sharpe'"),
            ({"metrics": "sharpe"}, "sharpe is annual; pass periods_per_year="),
            ({"metrics": ["beta"]}, "beta compares with a benchmark; pass benchmark="),
            ({"metrics": []}, "metrics is empty"),
            ({"metrics": {}}, "at least one"),
            ({"metrics": {"mean": 3}}, "metrics must map names to functions"),
            ({"risk_free": 0.02}, "it needs periods_per_year"),
            ({"level": 1.0}, "level is 1.0; it must be above 0 and below 1"),
            ({"level": math.nan}, "level is NaN"),
            ({"replicates": 99}, "replicates is 99; it must be 100 at least"),
            ({"seed": 2**63}, "must be below"),
            ({"seed": "a"}, "seed is 'a'; it must be a whole number"),
            ({"block_length": 0.0}, "block_length is 0.0; it must be 1 to 400"),
            ({"periods_per_year": -1}, "periods_per_year is -1"),
            ({"benchmark": np.zeros(3)}, "benchmark has 3 returns and the strategy has 400"),
        ],
    )
    def test_settings(self, arguments, message):
        with pytest.raises(SettingsError, match=message):
            bootstrap_intervals(market()[0], **arguments)

    @pytest.mark.parametrize(
        ("returns", "message"),
        [
            (np.zeros(9), "returns has 9 values; not enough data, this needs 10"),
            (np.array([0.0] * 10 + [np.nan]), "returns at bar 10 is nan"),
            (np.zeros((20, 2)), r"returns has shape \(20, 2\); pass one series, a number for each bar"),
        ],
    )
    def test_returns(self, returns, message):
        with pytest.raises(SettingsError, match=message):
            bootstrap_intervals(returns)


def test_they_can_be_printed():
    found = bootstrap_intervals(np.arange(20) / 100.0, "total_return", block_length=2, replicates=100)
    assert str(found).startswith("95% intervals of 100 samples in blocks of 2.0 bars\n")
    assert "total_return" in str(found)
    assert "draws" not in repr(found)
