"""The two simplest tasks: their dynamics by hand, their optima by arithmetic and by play."""

import gymnasium
import numpy as np
import pytest

import envs
from backtester.errors import SettingsError

PERIOD, AMPLITUDE = 12, 3.0


def sine(n=1, **settings):
    core = envs.make("backtester/Sine-v0", n, period=PERIOD, amplitude=AMPLITUDE, **settings)
    core.seed(range(n))
    core.reset()
    return core


def test_the_sine_is_observed_and_paid_as_its_docstring_says():
    core = sine(episode_length=None)
    prices, changes, rewards = [], [], []
    for _ in range(2 * PERIOD):
        core.step(np.array([2]))  # long
        prices.append(AMPLITUDE * float(core.observation[0, 0]))
        changes.append(float(core.observation[0, 1]))
        rewards.append(core.reward[0])
    largest = 2.0 * AMPLITUDE * np.sin(np.pi / PERIOD)
    np.testing.assert_allclose(np.diff(prices), rewards[1:], atol=1e-6)  # the price is seen as float32
    np.testing.assert_allclose(np.array(changes) * largest, rewards, atol=1e-6)
    np.testing.assert_allclose(prices[PERIOD:], prices[:PERIOD], atol=1e-6)
    assert np.max(np.abs(prices)) <= AMPLITUDE


@pytest.mark.parametrize(("action", "position"), [(0, -1.0), (1, 0.0), (2, 1.0)])
def test_the_position_is_the_action_less_one(action, position):
    long, other = sine(), sine()
    for _ in range(20):
        long.step(np.array([2]))
        other.step(np.array([action]))
        assert other.reward[0] == position * long.reward[0]


def test_the_optimum_of_the_sine():
    """Over all phases the mean of |2A·sin(ω/2)·cos θ| is 2A·sin(ω/2)·2/π: with ω = 2π/period, (4A/π)·sin(π/period)."""
    core = sine(4000, episode_length=None)
    angles = (np.arange(100_000) + 0.5) * (2.0 * np.pi / 100_000)
    step = 2.0 * np.pi / PERIOD
    mean = np.abs(AMPLITUDE * (np.sin(angles + step) - np.sin(angles))).mean()
    assert core.optimal_value() == pytest.approx(mean, rel=1e-8)
    assert envs.make("backtester/Sine-v0").optimal_value() == pytest.approx(1.2480, abs=5e-5)  # as the docstring says
    policy, total = core.optimal_policy(), 0.0
    for _ in range(PERIOD):
        actions = policy(core.observation)
        best = core.state.copy()
        core.step(actions)
        now, then = (np.sin(state[:, 0] + step * state[:, 1]) for state in (best, core.state))
        np.testing.assert_allclose(core.reward, AMPLITUDE * np.abs(then - now), atol=1e-5)  # no action earns more
        total += core.reward.mean()
    assert total / PERIOD == pytest.approx(mean, rel=0.002)  # 4,000 phases, every one over a whole period


def test_the_martingale_pays_the_change_that_is_seen_next():
    core = envs.make("backtester/Martingale-v0", 1, volatility=0.5)
    core.seed([3])
    core.reset()
    before = core.observation[0].copy()
    for action in (0, 1, 2, 2, 0):
        core.step(np.array([action]))
        after = core.observation[0]
        assert core.reward[0] == pytest.approx((action - 1) * 0.5 * float(after[0]), abs=1e-6)
        assert after[1:].tolist() == before[:-1].tolist()
        before = after.copy()


def test_nobody_earns_at_the_martingale():
    """Whatever is done has the mean 0: here within 4 standard errors."""
    rng = np.random.default_rng(0)
    policies = {
        "trend": lambda seen: 1 + np.sign(seen[:, 0]).astype(int),
        "contrarian": lambda seen: 1 - np.sign(seen.sum(axis=1)).astype(int),
        "coin": lambda seen: rng.integers(0, 3, len(seen)),
        "long": lambda seen: np.full(len(seen), 2),
    }
    for name, policy in policies.items():
        core = envs.make("backtester/Martingale-v0", 500, autoreset=envs.Autoreset.SAME_STEP)
        core.seed(range(500))
        core.reset()
        rewards = []
        for _ in range(400):
            core.step(policy(core.observation))
            rewards.append(core.reward.copy())
        earned = np.concatenate(rewards)
        assert abs(earned.mean()) < 4 * earned.std() / np.sqrt(earned.size), name
    core = envs.make("backtester/Martingale-v0")
    assert core.optimal_value() == 0.0
    assert core.optimal_policy()(np.zeros((3, 4))).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("env_id", "settings", "message"),
    [
        ("Sine", {"period": 2}, "period must be at least 3 steps, found 2"),
        ("Sine", {"amplitude": 0.0}, "amplitude must be positive and finite, found 0.0"),
        ("Sine", {"amplitude": float("nan")}, "amplitude must be positive and finite, found nan"),
        ("Martingale", {"volatility": float("inf")}, "volatility must be positive and finite, found inf"),
    ],
)
def test_wrong_settings_are_named(env_id, settings, message):
    with pytest.raises(SettingsError, match=message):
        gymnasium.make(f"backtester/{env_id}-v0", **settings)
