"""The floor of the environment's benchmark is a second implementation of it: run small, they must agree."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("gymnasium")

from benchmarks.env import clock, ours
from benchmarks.env.floor import Floor
from benchmarks.env.market import EPISODE_STEPS, EXPOSURES, actions, features, simulate
from benchmarks.table import RESULTS

N_BARS = 2_000
MARKET, PANEL = simulate(N_BARS), features(N_BARS)


def test_equity_rewards_and_observations_equal_the_hand_written_loop():
    n = 8
    core = ours.core(n, ours.settings(MARKET, PANEL, random_start=False), stagger=False)
    floor = Floor(MARKET, PANEL, n, random_start=False)
    rows = actions(n, len(EXPOSURES))
    floor.step(rows[0])  # begins the episodes
    ends = 0
    for k in range(2 * EPISODE_STEPS + 50):
        core.step(rows[k % len(rows)])
        floor.step(rows[k % len(rows)])
        np.testing.assert_allclose(core.info()["equity"], floor.equity, rtol=1e-12)
        np.testing.assert_allclose(core.observation, floor.observation, atol=1e-6)
        ends += core.ends
    assert ends == 2 * n
    assert len(set(floor.equity)) == n


def test_the_environment_that_does_nothing_has_the_spaces_and_the_episodes_of_the_other():
    pytest.importorskip("stable_baselines3")
    from benchmarks.training.null import NullCore

    like = ours.core(1, ours.settings(MARKET, PANEL))
    null = NullCore(3, like, 40)
    assert null.observation_space == like.observation_space
    assert null.action_space == like.action_space
    null.seed(range(3))
    null.reset()
    ends = 0
    for _ in range(200):
        null.step(np.zeros(3, np.int64))
        assert not null.reward.any()
        assert not null.observation.any()
        ends += null.ends
    assert 3 * 200 // 40 <= ends <= 3 * (200 // 40 + 1)  # the first episode of each copy is shorter


def test_rates_count_every_environment_of_a_step_and_the_ways_take_turns(monkeypatch):
    # A step takes 1 ms on this clock, so half a second is 500 steps, and 10 environments a step are 10,000 a second.
    now = [0.0]
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])
    taken: list[str] = []

    def way(name):
        def take(steps):
            taken.append(name)
            now[0] += 1e-3 * steps

        return take

    assert clock.enough_steps(way("a"), 0.5) == 500
    found = clock.rates({"a": way("a"), "b": way("b")}, 10, 0.5, 3)
    assert taken[-6:] == ["a", "b"] * 3
    assert {name: np.round(values, 6).tolist() for name, values in found.items()} == {"a": [1e4] * 3, "b": [1e4] * 3}


@pytest.mark.parametrize("name", ["env", "training"])
def test_the_committed_measurement_raised_no_alarm(name):
    path = RESULTS / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no results of benchmarks.{name} are committed")
    sections = json.loads(path.read_text(encoding="utf-8"))["sections"]
    rows = [row for section in sections for row in section["rows"]]
    assert rows
    assert not any(row["alarm"] for row in rows)
