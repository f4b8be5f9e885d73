"""`OUPriceLedger` pays what `OUPrice` pays on the same path: the engine's orders, fills and equity give its rewards."""

from __future__ import annotations

import math

import numpy as np
import pytest

import envs
from backtester.errors import SettingsError
from envs.registry import id_of
from envs.tasks.score import evaluate_policy

COPIES = 50


def task(n: int = COPIES, **settings):
    core = envs.make(id_of("OUPriceLedger"), n, **{"n_bars": 50_000, **settings})
    core.seed(range(n))
    core.reset()
    return core


def test_the_path_is_an_ou_process_around_a_thousand():
    """Mean, variance and lag-one correlation of the innovations, each within five standard errors."""
    bars = task(1).bars
    x = bars.close[:, 0] - 1000.0
    z = x[1:] - 0.9 * x[:-1]
    assert abs(z.mean()) < 5.0 / math.sqrt(z.size)
    assert abs((z * z).mean() - 1.0) < 5.0 * math.sqrt(2.0 / z.size)
    assert abs((z[1:] * z[:-1]).mean()) < 5.0 / math.sqrt(z.size)
    assert np.array_equal(bars.open[1:], bars.close[:-1])


@pytest.mark.parametrize("mode", list(envs.Autoreset))
def test_equity_changes_by_what_the_formula_says(mode):
    """x_t (X_{t+1} − X_t) − ½ |x_t − x_{t−1}|, through five episodes of 40 steps and under random actions."""
    core = task(episode_length=40, autoreset=mode)
    x = core.bars.close[:, 0] - 1000.0
    rng = np.random.default_rng(1)
    before = np.zeros(COPIES)
    checked = 0
    for _ in range(200):
        begins = core.ends and mode is envs.Autoreset.NEXT_STEP
        before = np.zeros(COPIES) if core.ends else before
        if core.ends and mode is envs.Autoreset.DISABLED:
            core.reset()
        bar, actions = core.bar(), rng.integers(0, 3, COPIES)
        core.step(actions)
        if begins:
            assert not core.reward.any()
            continue
        position = actions - 1.0
        expected = position * (x[bar + 1] - x[bar]) - 0.5 * np.abs(position - before)
        assert core.reward == pytest.approx(expected, abs=1e-8)
        info = core.final_info() if core.ends and mode is envs.Autoreset.SAME_STEP else core.info()
        assert np.array_equal(info["position"], position)
        assert info["equity"] == pytest.approx(
            10_000.0 + (core.final_return if core.ends else core.episode_return), abs=1e-6
        )
        before, checked = position, checked + 1
    assert checked >= 195


def test_the_signal_and_the_position_are_observed():
    core = task()
    actions = np.arange(COPIES) % 3
    core.step(actions)
    x = core.bars.close[core.bar(), 0] - 1000.0
    assert core.observation[:, 0] == pytest.approx(x * math.sqrt(0.19), abs=1e-5)
    assert np.array_equal(core.observation[:, 1], actions - 1.0)


@pytest.mark.parametrize("kind", ["optimal", "greedy"])
def test_the_policies_of_ou_price_earn_here_what_they_earn_there(kind):
    core, plain = task(200, n_bars=1_000_000), envs.make(id_of("OUPrice"), 1)
    value = getattr(core, f"{kind}_value")()
    assert value == getattr(plain, f"{kind}_value")()
    found = evaluate_policy(core, getattr(core, f"{kind}_policy")(), 257 * 6, seed=17)
    assert found.standard_error < 0.002
    assert abs(found.value - value) < 4.0 * found.standard_error
    assert core.baseline_value() == 0.0


def test_another_seed_is_another_path():
    closes = [task(1, path_seed=seed).bars.close[:100, 0] for seed in (0, 0, 1)]
    assert np.array_equal(closes[0], closes[1])
    assert not np.isin(closes[0], closes[2]).any()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_bars": 1}, "n_bars must be .* found 1"),
        ({"n_bars": 1e6}, "n_bars must be .* found 1000000.0"),
        ({"path_seed": -1}, "path_seed must be .* found -1"),
        ({"seed_of_path": 1}, "no setting 'seed_of_path'"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(SettingsError, match=f"OUPriceLedger.*{words}"):
        envs.make(id_of("OUPriceLedger"), 1, **settings)
