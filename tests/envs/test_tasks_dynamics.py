"""Every task moves and pays as its docstring says: recomputed from what is observed, in plain NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

import envs
from backtester.errors import SettingsError
from envs.registry import id_of

STEPS, COPIES = 200, 250  # within one episode


def played(name: str, policy, *, steps: int = STEPS):
    """Return observations [steps + 1, n, d], actions [steps, n] and rewards [steps, n] of a policy of step numbers."""
    core = envs.make(id_of(name), COPIES)
    core.seed(range(COPIES))
    core.reset()
    seen, actions, rewards = [core.observation.copy()], [], []
    for t in range(steps):
        actions.append(policy(t))
        core.step(actions[-1])
        seen.append(core.observation.copy())
        rewards.append(core.reward.copy())
    return np.array(seen, np.float64), np.array(actions).reshape(steps, COPIES), np.array(rewards)


def choose(seed: int):
    """Return a policy that chooses among three positions by chance."""
    rng = np.random.default_rng(seed)
    return lambda t: rng.integers(0, 3, COPIES)


def draw(seed: int, width: float = 1.0):
    """Return a policy that draws a number in [−width, width]."""
    rng = np.random.default_rng(seed)
    return lambda t: rng.uniform(-width, width, (COPIES, 1)).astype(np.float32)


def assert_standard_normal(z):
    """Mean, variance, kurtosis and lag-one correlation of numbers [t, n], each within five standard errors."""
    size = z.size
    assert abs(z.mean()) < 5.0 / math.sqrt(size)
    assert abs((z * z).mean() - 1.0) < 5.0 * math.sqrt(2.0 / size)
    assert abs((z**4).mean() - 3.0) < 5.0 * math.sqrt(96.0 / size)
    if len(z) > 1:
        assert abs((z[1:] * z[:-1]).mean()) < 5.0 / math.sqrt(size)
    assert abs((z[:, 1:] * z[:, :-1]).mean()) < 5.0 / math.sqrt(size)


def test_quadratic_cost():
    seen, actions, rewards = played("QuadraticCost", draw(1))
    signal, position = seen[..., 0], seen[..., 1]
    assert_standard_normal(signal[:1])
    assert_standard_normal((signal[1:] - 0.9 * signal[:-1]) / math.sqrt(0.19))
    assert not position[0].any()
    assert position[1:] == pytest.approx(np.clip(position[:-1] + 0.5 * actions, -4.0, 4.0), abs=1e-6)
    x, before, p = position[1:], position[:-1], signal[:-1]
    assert rewards == pytest.approx(x * p - 0.5 * x**2 - 6.0 * (x - before) ** 2, abs=1e-4)


def test_the_position_of_quadratic_cost_stops_at_its_limit_and_pays_for_what_was_traded():
    seen, _, rewards = played("QuadraticCost", lambda t: np.ones((COPIES, 1), np.float32), steps=10)
    assert seen[8, :, 1] == pytest.approx(4.0)
    assert seen[10, :, 1] == pytest.approx(4.0)
    assert rewards[9] == pytest.approx(4.0 * seen[9, :, 0] - 8.0, abs=1e-4)


def test_ou_price():
    seen, actions, rewards = played("OUPrice", choose(2))
    sd = 1.0 / math.sqrt(1.0 - 0.81)
    price, position = sd * seen[..., 0], seen[..., 1]
    assert_standard_normal(seen[:1, :, 0])
    assert_standard_normal(price[1:] - 0.9 * price[:-1])
    assert not position[0].any()
    assert np.array_equal(position[1:], actions - 1)
    expected = position[1:] * np.diff(price, axis=0) - 0.5 * np.abs(np.diff(position, axis=0))
    assert rewards == pytest.approx(expected, abs=1e-5)


def test_ar1_cost():
    seen, actions, rewards = played("AR1Cost", choose(3))
    returns, position = seen[..., 0], seen[..., 1]
    assert_standard_normal(returns[:1])
    assert_standard_normal((returns[1:] - 0.2 * returns[:-1]) / math.sqrt(0.96))
    assert np.array_equal(position[1:], actions - 1)
    expected = position[1:] * returns[1:] - 0.1 * np.abs(np.diff(position, axis=0))
    assert rewards == pytest.approx(expected, abs=1e-5)


def test_execution_adds_up_to_what_the_sale_brings():
    """Sold at S_{k−1} − ε − η n/τ; the price then moves by noise and −γ n; the risk is λσ²τ x²; a unit is σX."""
    seen, actions, rewards = played("Execution", draw(4), steps=19)
    kept = 1.0 - 2.0 * (1.0 + actions) / np.arange(20.0, 1.0, -1.0)[:, None]
    left = 1e6 * np.cumprod(np.vstack([np.ones(COPIES), np.maximum(kept, 0.0)]), axis=0)
    assert seen[..., 0] == pytest.approx(2.0 * left / 1e6 - 1.0, abs=1e-6)
    assert seen[:, 0, 1] == pytest.approx(1.0 - np.arange(20) / 10.0, abs=1e-6)
    price = 0.95 * math.sqrt(5.0) * seen[..., 2]  # less the first
    sold = -np.diff(left, axis=0)
    noise = np.diff(price, axis=0) + 2.5e-7 * sold
    assert_standard_normal(noise / (0.95 * math.sqrt(0.25)))
    brought = sold * (price[:-1] - 0.0625 - 2.5e-6 * sold / 0.25)
    held = left[1:] * price[1:] - left[:-1] * price[:-1]
    risk = 1e-6 * 0.95**2 * 0.25 * left[1:] ** 2
    assert rewards == pytest.approx((brought + held - risk) / 0.95e6, abs=2e-6)


def test_the_last_trade_of_execution_sells_all_and_ends_the_episode():
    core = envs.make(id_of("Execution"), 2, autoreset=envs.Autoreset.DISABLED)
    core.seed((0, 1))
    core.reset()
    for k in range(20):
        assert not core.terminated.any(), k
        core.step(np.full((2, 1), -1.0, np.float32))
    assert core.terminated.all()
    assert not core.truncated.any()
    assert core.observation[:, :2].tolist() == [[-1.0, -1.0], [-1.0, -1.0]]
    last = 1e6 * (0.0625 + 2.5e-6 * 1e6 / 0.25) + 0.0 * 1e6  # the whole block in one trade, nothing held after it
    assert core.reward == pytest.approx(-last / 0.95e6, rel=1e-12)


def test_execution_in_five_trades_is_the_case_of_the_paper():
    """λ = 10⁻⁶: E + λV from equation (20), as in test_tasks_solvers; the fastest pace of the schedule is 2.3."""
    core = envs.make(id_of("Execution"), COPIES, episode_length=5)
    kappa = math.acosh(1.0 + 0.5 * 1e-6 * 0.95**2 / (2.5e-6 - 1.25e-7))
    left = np.sinh(kappa * np.arange(5.0, -1.0, -1.0)) / math.sinh(5.0 * kappa)
    cost = 0.125 + 0.0625 + 2.375 * np.sum(np.diff(left) ** 2) + 0.95**2 * np.sum(left[1:] ** 2)
    assert core.optimal_value() == pytest.approx(-cost / 0.95, rel=1e-12)
    core.seed(range(COPIES))
    core.reset()
    policy = core.optimal_policy()
    for k in range(1, 5):
        core.step(policy(core.observation))
        assert core.observation[:, 0] == pytest.approx(2.0 * left[k] - 1.0, abs=1e-6)


def test_execution_needs_a_deadline():
    with pytest.raises(SettingsError, match="number of trades before the deadline, found None"):
        envs.make(id_of("Execution"), 1, episode_length=None)


def test_kelly():
    seen, actions, rewards = played("Kelly", draw(5))
    outcome = seen[1:, :, 0]
    assert not seen[0].any()
    assert set(np.unique(outcome)) == {-1.0, 1.0}
    wins = (outcome > 0).mean()
    assert abs(wins - 0.6) < 5.0 * math.sqrt(0.24 / outcome.size)
    assert rewards == pytest.approx(np.log(1.0 + 0.5 * actions * outcome), abs=1e-6)


def test_contextual_kelly():
    seen, actions, rewards = played("ContextualKelly", draw(6, 0.9))
    z = seen[:-1, :, 0]
    outcome = np.sign(rewards) * np.sign(actions)
    assert rewards == pytest.approx(np.log(1.0 + 0.8 * actions * outcome), abs=1e-6)
    assert abs(z.mean()) < 5.0 / math.sqrt(3.0 * z.size)
    assert abs((z * z).mean() - 1.0 / 3.0) < 5.0 * math.sqrt(4.0 / 45.0 / z.size)
    for low in (-1.0, -0.5, 0.0, 0.5):
        chosen = (z >= low) & (z < low + 0.5)
        expected = 0.5 * (1.0 + 0.6 * z[chosen]).mean()
        assert abs((outcome[chosen] > 0).mean() - expected) < 5.0 * math.sqrt(0.25 / chosen.sum())


@pytest.mark.parametrize("name", ["QuadraticCost", "OUPrice", "AR1Cost", "Kelly", "ContextualKelly"])
def test_an_episode_is_truncated_at_its_length(name):
    core = envs.make(id_of(name), 2, episode_length=3)
    core.seed((0, 1))
    core.reset()
    action = np.ones(2, np.int64) if core.action_space.shape == () else np.zeros((2, 1), np.float32)
    ends = []
    for _ in range(7):
        core.step(action)
        ends.append(core.truncated.all().item())
        assert not core.terminated.any()
    assert ends == [False, False, True, False, False, False, True]  # the fourth step begins anew
