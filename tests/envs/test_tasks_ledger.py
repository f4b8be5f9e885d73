"""`OUPriceLedger`: the engine's ledger pays what the dynamics of `OUPrice` say, and the optimum is the same."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import envs
from envs.tasks.ou_price_ledger import _WIDTH, LEVEL
from envs.tasks.score import evaluate_policy


def test_rewards_are_those_of_the_dynamics():
    """x (X' - X) - ½ |x - x before|, from the prices and the actions alone."""
    core = envs.make("backtester/OUPriceLedger-v0", 3, episode_length=200, n_bars=2000)
    core.seed([1, 2, 3])
    core.reset()
    rng = np.random.default_rng(0)
    held = np.zeros(3)
    prices = core.bars.close[:, 0] - LEVEL
    for _ in range(199):
        assert_allclose(core.observation[:, 0], np.clip(prices[core.bar()] / _WIDTH, -6, 6), rtol=1e-6)
        assert core.observation[:, 1].tolist() == held.tolist()
        before = prices[core.bar()]
        actions = rng.integers(0, 3, 3)
        core.step(actions)
        wanted = actions - 1.0
        expected = wanted * (prices[core.bar()] - before) - 0.5 * np.abs(wanted - held)
        assert_allclose(core.reward, expected, atol=1e-8)
        held = wanted


def test_the_optimal_policy_earns_the_optimum_of_the_law():
    """On 200,000 bars: 0.12223, within 4 standard errors and the error of one path."""
    core = envs.make("backtester/OUPriceLedger-v0", 64, episode_length=1024)
    found = evaluate_policy(core, core.optimal_policy(), 2500, seed=5)
    assert core.optimal_value() == pytest.approx(0.12223, abs=5e-6)
    assert abs(found.value - 0.12223) < 4.0 * found.standard_error + 0.0012
    greedy = evaluate_policy(core, core.greedy_policy(), 2500, seed=5)
    assert abs(greedy.value - core.greedy_value()) < 4.0 * greedy.standard_error + 0.0012


def test_the_path_has_the_moments_of_the_law():
    prices = envs.make("backtester/OUPriceLedger-v0", 1).bars.close[:, 0] - LEVEL
    assert prices.mean() == pytest.approx(0.0, abs=4 * _WIDTH * np.sqrt(19.0 / len(prices)))  # Σ of 0.9^|k| is 19
    assert prices.std() == pytest.approx(_WIDTH, rel=0.02)
    assert np.corrcoef(prices[1:], prices[:-1])[0, 1] == pytest.approx(0.9, abs=0.004)
