"""Interquartile means, intervals, profiles and corrections: against exact enumeration, SciPy, and `rliable`."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from rliable_figures import LEVELS, SCORES

from backtester.errors import SettingsError
from envs.benchmark.draws import seed_of, uniforms
from envs.benchmark.statistics import bootstrap, holm, interquartile_mean, performance_profile

#: of rliable 1.2.0 with arch 7.2.0 and NumPy 2.4.6, as `rliable_figures.py` printed them: point, low and high
RLIABLE_IQM = (0.791875, 0.6906249999999999, 0.865)
RLIABLE_MEAN = (0.7156666666666666, 0.6160000000000001, 0.797)
#: of its performance profile at LEVELS, in thirtieths: fractions, low, high
RLIABLE_PROFILE = np.array([29, 27, 23, 19, 13, 9, 3]) / 30
RLIABLE_PROFILE_LOW = np.array([27, 23, 19, 15, 9, 6, 0]) / 30
RLIABLE_PROFILE_HIGH = np.array([30, 30, 27, 23, 17, 12, 6]) / 30


class TestInterquartileMean:
    def test_of_eight_the_middle_four_count(self):
        # ⌊8/4⌋ = 2 go at either end: (3 + 4 + 5 + 6) / 4 = 4.5, whatever the ends are
        assert interquartile_mean([8e9, 3, 4, 6, 5, 1, 2, 7]) == 4.5

    def test_of_ten_six_count(self):
        # ⌊10/4⌋ = 2 go at either end: (3 + … + 8) / 6 = 5.5
        assert interquartile_mean(np.arange(1.0, 11.0)) == 5.5

    def test_equals_scipys_trimmed_mean_over_all_runs_and_tasks(self):
        stats = pytest.importorskip("scipy.stats")
        for n in range(1, 11):
            part = SCORES[:n]
            assert interquartile_mean(part) == pytest.approx(stats.trim_mean(part, 0.25, axis=None), abs=1e-15)

    @pytest.mark.parametrize(
        ("scores", "said"),
        [
            ([], "one of each at least"),
            (np.zeros((2, 2, 2)), "n_runs, n_tasks"),
            ([[1.0, 2.0], [np.nan, 1.0]], "run 1 of task 0 is nan"),
            ([1.0, np.inf], "run 1 of task 0 is inf"),
        ],
    )
    def test_what_is_no_score_is_refused(self, scores, said):
        with pytest.raises(SettingsError, match=said):
            interquartile_mean(scores)


class TestBootstrap:
    def test_equals_the_enumeration_of_all_resamples(self):
        runs = np.array([0.0, 1.0, 5.0, 6.0])
        # all 4^4 = 256 equally likely resamples; the middle two of four are averaged
        exact = sorted(np.mean(sorted(runs[list(pick)])[1:3]) for pick in itertools.product(range(4), repeat=4))
        found = bootstrap(runs, n_resamples=40_000, seed=1)
        assert found.value == 3.0  # (1 + 5) / 2
        # of 256 the ends at 2.5 % and 97.5 % fall on plateaus of the distribution: the 6.4th and the 249.6th
        assert (found.low, found.high) == (exact[6], exact[249])

    def test_tasks_are_resampled_on_their_own(self):
        # two tasks that mirror each other: were whole rows drawn, the mean would be 0 in every resample
        scores = np.array([[1.0, -1.0], [-1.0, 1.0]])
        found = bootstrap(scores, "mean", n_resamples=2_000)
        assert (found.low, found.value, found.high) == (-1.0, 0.0, 1.0)

    def test_equals_scipys_percentile_interval_for_one_task(self):
        stats = pytest.importorskip("scipy.stats")
        runs = SCORES[:, 1]
        theirs = stats.bootstrap(
            (runs,),
            lambda x, axis: stats.trim_mean(x, 0.25, axis=axis),
            n_resamples=40_000,
            method="percentile",
            rng=np.random.default_rng(3),
        ).confidence_interval
        ours = bootstrap(runs, n_resamples=40_000)
        # an end at 2.5 % of 40,000 is found to within some 0.002 of each other's draws
        assert ours.low == pytest.approx(theirs.low, abs=0.004)
        assert ours.high == pytest.approx(theirs.high, abs=0.004)

    def test_equals_what_rliable_gave(self):
        # with 50,000 resamples on both sides an end scatters by less than 0.001; the values lie in steps of 1/1600
        found = bootstrap(SCORES, n_resamples=50_000)
        assert found.value == pytest.approx(RLIABLE_IQM[0], abs=1e-12)
        assert found.low == pytest.approx(RLIABLE_IQM[1], abs=0.003)
        assert found.high == pytest.approx(RLIABLE_IQM[2], abs=0.003)
        mean = bootstrap(SCORES, "mean", n_resamples=50_000)
        assert mean.value == pytest.approx(RLIABLE_MEAN[0], abs=1e-12)
        assert mean.low == pytest.approx(RLIABLE_MEAN[1], abs=0.003)
        assert mean.high == pytest.approx(RLIABLE_MEAN[2], abs=0.003)

    def test_equal_runs_leave_no_doubt_and_one_seed_one_interval(self):
        found = bootstrap(np.full((10, 2), 0.5))
        assert (found.low, found.value, found.high) == (0.5, 0.5, 0.5)
        assert bootstrap(SCORES, seed=4) == bootstrap(SCORES, seed=4)
        assert bootstrap(SCORES, seed=4).low != bootstrap(SCORES, seed=5).low

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"statistic": "interquartile"}, "did you mean 'interquartile_mean'"),
            ({"n_resamples": 10}, "at least 100"),
            ({"confidence": 95.0}, "between 0 and 1"),
        ],
    )
    def test_wrong_settings_are_named(self, settings, said):
        with pytest.raises(SettingsError, match=said):
            bootstrap(SCORES, **settings)


class TestPerformanceProfile:
    def test_counts_the_runs_above_each_threshold(self):
        found = performance_profile([[0.1, 0.5], [0.5, 0.9]], [0.0, 0.1, 0.5, 0.9])
        # 4 of 4 above 0, then 3 (0.1 is not above 0.1), 1 (both 0.5 are not above 0.5), none
        assert found.fractions.tolist() == [1.0, 0.75, 0.25, 0.0]

    def test_the_interval_is_that_of_a_binomial_for_one_task(self):
        stats = pytest.importorskip("scipy.stats")
        found = performance_profile(SCORES[:, 1], [0.5], n_resamples=40_000)
        # 5 of 10 runs are above 0.5; a resample counts Binomial(10, 1/2) of them
        assert found.fractions.tolist() == [0.5]
        assert found.low[0] * 10 == stats.binom.ppf(0.025, 10, 0.5)
        assert found.high[0] * 10 == stats.binom.ppf(0.975, 10, 0.5)

    def test_equals_what_rliable_gave(self):
        found = performance_profile(SCORES, LEVELS, n_resamples=40_000)
        assert found.fractions == pytest.approx(RLIABLE_PROFILE, abs=1e-12)
        assert found.low == pytest.approx(RLIABLE_PROFILE_LOW, abs=1 / 30 + 1e-9)  # a run of 30
        assert found.high == pytest.approx(RLIABLE_PROFILE_HIGH, abs=1 / 30 + 1e-9)

    def test_thresholds_ascend(self):
        with pytest.raises(SettingsError, match="ascend"):
            performance_profile(SCORES, [0.5, 0.4])


class TestHolm:
    def test_by_hand(self):
        # ordered 0.005, 0.01, 0.03, 0.04, times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04, and 0.04 may not fall below 0.06
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02], abs=1e-15)

    def test_never_above_one_and_of_one_itself(self):
        assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
        assert holm([0.3]).tolist() == [0.3]
        assert holm([]).tolist() == []

    def test_equals_the_closed_test_of_all_intersections(self):
        # R. Marcus, E. Peritz and K. R. Gabriel, Biometrika 63 (1976): an hypothesis is rejected where every
        # intersection it is part of is; with Bonferroni for each, |I|·min p over I, this is Holm's procedure.
        def closed(values, i):
            others = [k for k in range(len(values)) if k != i]
            subsets = (chosen for size in range(len(values)) for chosen in itertools.combinations(others, size))
            return max(min(1.0, (len(part) + 1) * min(values[[i, *part]])) for part in subsets)

        for seed in range(20):
            values = uniforms(seed, 7) ** 3
            assert holm(values) == pytest.approx([closed(values, i) for i in range(7)], abs=1e-15)

    @pytest.mark.parametrize("wrong", [[-0.1], [1.1], [np.nan], 0.5])
    def test_what_is_no_p_value_is_refused(self, wrong):
        with pytest.raises(SettingsError, match="from 0 to 1"):
            holm(wrong)


class TestDraws:
    def test_are_splitmix64(self):
        # The first outputs of the published generator for the state 1234567 (Rosetta Code, "Pseudo-random
        # numbers/Splitmix64"): 6457827717110365317, 3203168211198807973, 9817491932198370423
        from envs.benchmark.draws import _GAMMA, _mixed

        states = np.uint64(1234567) + np.arange(1, 4, dtype=np.uint64) * _GAMMA
        published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
        assert _mixed(states).tolist() == published

    def test_can_be_taken_in_parts_and_are_uniform(self):
        whole = uniforms(9, 100_000)
        assert np.array_equal(whole, np.concatenate([uniforms(9, 40_000), uniforms(9, 60_000, 40_000)]))
        assert whole.min() >= 0.0
        assert whole.max() < 1.0
        # mean 1/2 and variance 1/12, each within four standard errors
        assert abs(whole.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 1e5)
        assert abs(np.corrcoef(whole, uniforms(10, 100_000))[0, 1]) < 4 / np.sqrt(1e5)

    def test_a_seed_depends_on_every_part(self):
        assert len({seed_of("a", 1), seed_of("a", 2), seed_of("b", 1), seed_of("a1", ""), seed_of(1, "a")}) == 5
        assert seed_of("a", 1) == seed_of("a", 1) < 2**63
