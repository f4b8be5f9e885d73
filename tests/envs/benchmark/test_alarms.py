"""The alarms ring where they must, as often as they may, and say when a policy does nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backtester.errors import SettingsError
from envs.benchmark.alarms import POOLED, above_bound, above_optimum, degenerate, leak_alarm, mean_above
from envs.benchmark.draws import uniforms

#: n = 4: mean 2, squared deviations 4 + 0 + 0 + 4 = 8, sd² = 8/3, error √(8/3/4) = 0.816497, t = (2 − bound)/0.816497
FOUR = [0.0, 2.0, 2.0, 4.0]


class TestMeanAbove:
    def test_of_t_with_three_degrees_of_freedom(self):
        # Student's t for 3 degrees of freedom has a closed form: P(T > t) = 1/2 − [θ + sin θ cos θ]/π, θ = atan(t/√3)
        t = 2.0 / math.sqrt(8.0 / 3.0 / 4.0)
        theta = math.atan(t / math.sqrt(3.0))
        assert mean_above(FOUR) == pytest.approx(0.5 - (theta + math.sin(theta) * math.cos(theta)) / math.pi, rel=1e-12)

    def test_equals_scipys_test(self):
        stats = pytest.importorskip("scipy.stats")
        for seed in range(5):
            values = uniforms(seed, 10)
            theirs = stats.ttest_1samp(values, 0.4, alternative="greater").pvalue
            assert mean_above(values, 0.4) == pytest.approx(theirs, rel=1e-12)

    def test_at_the_mean_itself_chances_are_even(self):
        assert mean_above(FOUR, 2.0) == 0.5

    def test_values_that_are_all_equal_leave_no_doubt(self):
        assert mean_above([0.0, 0.0, 0.0]) == 1.0
        assert mean_above([1e-3, 1e-3]) == 0.0
        assert mean_above([-1.0, -1.0]) == 1.0
        assert mean_above([0.1 + 0.2, 0.3], 0.3) == 1.0  # differs in the last bit alone

    def test_the_bootstrap_agrees_with_t_on_normal_values(self):
        stats = pytest.importorskip("scipy.stats")
        for shift in (0.0, 0.3, 0.6):
            values = stats.norm.ppf(uniforms(11, 40)) + shift
            assert mean_above(values, method="bootstrap") == pytest.approx(mean_above(values), abs=0.02)

    @pytest.mark.parametrize("method", ["t", "bootstrap"])
    def test_rings_falsely_as_often_as_it_says(self, method):
        stats = pytest.importorskip("scipy.stats")
        draws = stats.norm.ppf(uniforms(12, 10_000)).reshape(1_000, 10)
        below = np.mean([mean_above(row, method=method, n_resamples=400) <= 0.1 for row in draws])
        # Binomial(1000, 0.1): standard error 0.0095; the bootstrap of ten values may be a little off besides
        assert below == pytest.approx(0.1, abs=0.03)

    @pytest.mark.parametrize("wrong", [[1.0], [], [1.0, np.nan], [[1.0, 2.0]]])
    def test_too_few_or_no_numbers(self, wrong):
        with pytest.raises(SettingsError, match="two or more finite"):
            mean_above(wrong)

    def test_an_unknown_method(self):
        with pytest.raises(SettingsError, match="'t' or 'bootstrap'"):
            mean_above(FOUR, method="z")


class TestLeakAlarm:
    def test_rings_for_the_one_that_earns(self):
        honest = [0.01, -0.02, 0.015, -0.005, 0.0, 0.002, -0.01, 0.004, 0.003, -0.001]
        leaking = [value + 0.05 for value in honest]
        found = {one.name: one for one in leak_alarm({"ppo": honest, "dqn": leaking, "a2c": honest})}
        assert [name for name, one in found.items() if one.alarm] == ["dqn", POOLED]
        assert found["ppo"].mean == pytest.approx(sum(honest) / 10)
        # four tests: the smallest p-value is multiplied by four
        assert min(one.adjusted for one in found.values()) == pytest.approx(
            4.0 * min(one.p_value for one in found.values())
        )

    def test_a_leak_too_small_for_one_agent_shows_in_the_pool(self):
        # Noise of each agent cancels in the mean over agents of one seed; the leak of 0.3 stays
        noise = np.array([1.0, -1.0] * 5)
        found = leak_alarm({"ppo": 0.3 + noise, "dqn": 0.3 - noise + 0.01 * uniforms(1, 10)})
        assert [one.alarm for one in found] == [False, False, True]

    def test_whoever_does_nothing_does_not_ring(self):
        assert [one.alarm for one in leak_alarm({"flat": [0.0] * 10, "other": [-0.1] * 10})] == [False] * 3

    def test_one_agent_alone_has_no_pool(self):
        assert [one.name for one in leak_alarm({"ppo": FOUR})] == ["ppo"]

    def test_nobody_to_test(self):
        with pytest.raises(SettingsError, match="no agents"):
            leak_alarm({})


class TestAboveOptimum:
    RUNS = (0.1010, 0.1012, 0.1008, 0.1011, 0.1009)  # mean 0.101, error √(1e-8·10/4/5)·… = 7.1e-5

    def test_beyond_the_error_of_runs_and_of_the_optimum(self):
        assert above_optimum({"ppo": self.RUNS}, 0.100)[0].alarm  # 14 errors above
        assert not above_optimum({"ppo": self.RUNS}, 0.1009)[0].alarm  # 1.4 errors
        assert not above_optimum({"ppo": self.RUNS}, 0.100, error=0.001)[0].alarm

    def test_below_is_fine(self):
        assert not above_optimum({"ppo": self.RUNS}, 0.2)[0].alarm


def test_the_level_holds_over_all_agents_together():
    stats = pytest.importorskip("scipy.stats")
    draws = stats.norm.ppf(uniforms(13, 60_000)).reshape(1_500, 4, 10)
    names = ("a", "b", "c", "d")
    rang = [
        any(f.alarm for f in above_bound(dict(zip(names, one, strict=True)), 0.0, level=0.05, method="t", pooled=True))
        for one in draws
    ]
    # at most 5 %; five tests at 5 % each without correction would ring in 17 % to 23 %. Standard error 0.0056
    assert np.mean(rang) < 0.05 + 3 * 0.0056


class TestDegenerate:
    def test_one_action_alone_is_told(self):
        assert degenerate([0, 1000, 0], ["-1", "0", "1"]) == "always the same: 0 in 100.0 % of its steps"
        assert degenerate([1, 999]) == "always the same: action 1 in 99.9 % of its steps"

    def test_two_actions_are_a_policy(self):
        assert degenerate([2, 998]) == ""
        assert degenerate([0.5, 0.5]) == ""

    def test_no_action_at_all(self):
        assert degenerate([0.0, 0.0]) == "took no action"
        assert degenerate([]) == "took no action"
