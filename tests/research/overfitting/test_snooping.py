"""Reality check and SPA beside arch, on the very samples that arch draws; their size and their power."""

import math

import numpy as np
import pytest
from arch.bootstrap import SPA as ArchSPA
from arch.bootstrap import StationaryBootstrap

from backtester.errors import SettingsError
from backtester.research.overfitting import reality_check, spa
from backtester.research.overfitting._random import stationary_counts
from backtester.research.overfitting.snooping import bootstrap_deviation, spa_statistics

L = 5
REPLICATES = 400


def market(seed=0, bars=120, strategies=8):
    """Strategies of very different deviations, some with an edge and some bad."""
    rng = np.random.default_rng(seed)
    means = np.linspace(-0.004, 0.0015, strategies)
    return rng.normal(means, np.linspace(0.005, 0.03, strategies), (bars, strategies))


def arch_means(returns, seed):
    """Return the means of the samples that arch draws for this seed, [replicates, strategies]."""
    rows = StationaryBootstrap(L, np.arange(len(returns)), seed=seed).bootstrap(REPLICATES)
    return np.stack([returns[args[0]].mean(axis=0) for args, _ in rows])


def arch_p_values(returns, seed):
    """Run arch's SPA, whose losses are negative returns."""
    test = ArchSPA(np.zeros(len(returns)), -returns, block_size=L, reps=REPLICATES, seed=seed)
    test.compute()
    return test.pvalues


class TestBesideArch:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_the_reality_check_is_its_upper_p_value(self, seed):
        r = market(seed)
        means, drawn = r.mean(axis=0), arch_means(r, seed)
        ours = np.mean((drawn - means).max(axis=1) > means.max())
        assert ours == arch_p_values(r, seed)["upper"]

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_spa_is_that_of_returns_divided_by_their_deviation(self, seed):
        """arch leaves out the division, with and without `studentize`; it is done for it here."""
        r = market(seed)
        deviation = bootstrap_deviation(r, L)
        _, _, ours = spa_statistics(r.mean(axis=0), deviation, arch_means(r, seed), len(r))
        theirs = arch_p_values(r / deviation, seed)
        assert ours == tuple(theirs[["lower", "consistent", "upper"]])

    def test_arch_does_not_studentize(self):
        """The fact that the docs state: its two settings give the same p-values."""
        r = market(4)
        found = []
        for studentize in (True, False):
            test = ArchSPA(np.zeros(len(r)), -r, block_size=L, reps=200, seed=1, studentize=studentize)
            test.compute()
            found.append(tuple(test.pvalues))
        assert found[0] == found[1]

    @pytest.mark.parametrize("block_length", [1, 2, 7])
    def test_the_deviation_is_arch_s(self, block_length):
        r = market(5)
        test = ArchSPA(np.zeros(len(r)), -r, block_size=block_length, reps=2, seed=1)
        test.compute()
        np.testing.assert_allclose(bootstrap_deviation(r, block_length) ** 2, test._loss_diff_var, rtol=1e-9)


class TestByHand:
    def test_the_deviation_of_independent_draws(self):
        # blocks of one bar: ω² = Σ d²/n. [1, −1, 3, −3]: 20/4
        found = bootstrap_deviation(np.array([[1.0], [-1.0], [3.0], [-3.0]]), 1.0)
        assert found[0] == pytest.approx(math.sqrt(5.0), rel=1e-12)

    def test_the_deviation_is_that_of_the_samples(self):
        r = market(6, bars=200)[:, :3]
        drawn = stationary_counts(200, 4.0, 20_000, 1) @ r / 200
        np.testing.assert_allclose(math.sqrt(200) * drawn.std(axis=0), bootstrap_deviation(r, 4.0), rtol=0.02)

    def test_p_values_of_three_draws(self):
        # one strategy, d̄ = 0.1, ω = 1, n = 100; d̄* − d̄ = 0.3, 0.05, −0.2: one of three is above 0.1
        statistic, best, p = spa_statistics(np.array([0.1]), np.ones(1), np.array([[0.4], [0.15], [-0.1]]), 100)
        assert statistic == pytest.approx(10 * 0.1)
        assert best == 0
        assert p == (1 / 3, 1 / 3, 1 / 3)

    def test_a_hopeless_strategy_counts_in_the_upper_bound_alone(self):
        # d̄ = 0.1 and −2, the threshold −√(2·ln ln 100/100) = −0.175. Without its mean the second is at 0.3 in the first
        # draw; with it, at −1.7
        means, drawn = np.array([0.1, -2.0]), np.array([[0.1, -1.7], [0.1, -2.0]])
        _, _, (lower, consistent, upper) = spa_statistics(means, np.ones(2), drawn, 100)
        assert (lower, consistent, upper) == (0.0, 0.0, 0.5)

    def test_a_slightly_bad_strategy_is_left_out_of_the_lower_bound(self):
        means, drawn = np.array([0.1, -0.1]), np.array([[0.1, 0.05], [0.1, -0.1]])
        _, _, (lower, consistent, upper) = spa_statistics(means, np.ones(2), drawn, 100)
        assert (lower, consistent, upper) == (0.0, 0.5, 0.5)

    def test_statistics(self):
        r = market(7)
        means = r.mean(axis=0)
        check, test = reality_check(r, block_length=L), spa(r, block_length=L)
        scaled = means / bootstrap_deviation(r, L)
        assert check.best == int(np.argmax(means))
        assert check.statistic == pytest.approx(math.sqrt(120) * means.max(), rel=1e-12)
        assert test.best == int(np.argmax(scaled))
        assert test.statistic == pytest.approx(math.sqrt(120) * max(scaled.max(), 0.0), rel=1e-12)
        assert test.mean_excess == pytest.approx(means[test.best], rel=1e-12)
        assert test.lower <= test.consistent <= test.upper

    def test_the_benchmark_is_taken_off(self):
        r = market(8)
        b = np.random.default_rng(9).normal(0, 0.01, len(r))
        assert spa(r + b[:, None], b, block_length=L).consistent == pytest.approx(
            spa(r, block_length=L).consistent, abs=1e-3
        )


class TestSizeAndPower:
    def rejections(self, test, edge, runs=200):
        found = []
        for seed in range(runs):
            r = np.random.default_rng(seed).normal(0.0, 0.01, (150, 10))
            r[:, 3] += edge
            found.append(test(r, block_length=1.0, replicates=200, seed=seed))
        return np.mean(np.array(found) <= 0.1)

    @pytest.mark.parametrize(
        "test",
        [lambda r, **k: reality_check(r, **k).p_value, lambda r, **k: spa(r, **k).consistent],
        ids=["reality_check", "spa"],
    )
    def test_without_an_edge_one_in_ten_is_rejected_at_a_tenth(self, test):
        # 200 runs: deviation √(0.1·0.9/200) = 0.021; three of them
        assert 0.1 - 0.064 < self.rejections(test, 0.0) < 0.1 + 0.064

    def test_an_edge_is_found(self):
        # 0.4 deviations a bar over 150 bars: 4.9 standard errors
        assert self.rejections(lambda r, **k: spa(r, **k).consistent, 0.004, runs=40) > 0.95

    def test_wild_strategies_hide_an_edge_from_the_reality_check_and_not_from_spa(self):
        rng = np.random.default_rng(1)
        r = rng.normal(0.0, 0.01, (250, 20))
        r[:, 1:] *= 10.0
        r[:, 1:] -= r[:, 1:].mean(axis=0)  # no better than nothing, with deviations ten times as large
        r[:, 0] += 0.003
        assert reality_check(r, block_length=1.0).p_value > 0.3
        assert spa(r, block_length=1.0).consistent < 0.01


class TestSettings:
    def test_the_same_arguments_give_the_same_result(self):
        r = market(10)
        assert spa(r, seed=3) == spa(r, seed=3)
        assert reality_check(r, seed=3) == reality_check(r, seed=3)
        assert spa(r, seed=3).consistent != spa(r, seed=4).consistent or spa(r).upper != spa(r, seed=4).upper

    def test_one_series_is_one_strategy(self):
        assert spa(market(11)[:, 0]).n_strategies == 1

    def test_idle_strategies_are_left_out(self):
        r = np.insert(market(12), 2, 0.0, axis=1)
        found = spa(r, block_length=L)
        assert found.left_out == (2,)
        assert found.n_strategies == 8

    @pytest.mark.parametrize("test", [reality_check, spa])
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"returns": market()[:9]}, "has 9 bars; not enough data"),
            ({"returns": np.full((50, 3), 0.01)}, "no strategy has a return above the benchmark that varies"),
            ({"returns": np.full((50, 3), np.inf)}, "at bar 0 of strategy 0 is inf"),
            ({"returns": market(), "benchmark": np.zeros(7)}, "benchmark has 7 returns and the strategies have 120"),
            ({"returns": market(), "benchmark": np.full(120, np.nan)}, "benchmark at bar 0 is nan"),
            ({"returns": market(), "block_length": 0.5}, "block_length is 0.5; it must be 1 to 120"),
            ({"returns": market(), "block_length": math.nan}, "block_length is NaN"),
            ({"returns": market(), "replicates": 10}, "replicates is 10; it must be 100 at least"),
            ({"returns": market(), "seed": -1}, "seed is -1; it must be 0 at least"),
        ],
    )
    def test_errors(self, test, arguments, message):
        with pytest.raises(SettingsError, match=message):
            test(**arguments)
