"""What an agent is paid, against formulas in plain Python and against arithmetic by hand."""

import math

import numba
import numpy as np
import pytest
from trading_cases import COSTS, MARKETS, played, priced, single, vector, walk

from backtester import Account, Costs
from backtester.errors import SettingsError

FLOOR = 1e-8


def log_wealth(equity, n, floor=FLOOR):
    return math.log(max(equity[n + 1], floor * equity[0]) / equity[n])


def drawdown(equity, n):
    return 1.0 - equity[n] / max(equity[: n + 1])


def differential_sharpe(equity, n, decay):
    """Moody, Wu, Liao, Saffell (1998), equation 10: (B·ΔA - A·ΔB/2) / (B - A²)^{3/2}, from A = B = 0."""
    first, second = 0.0, 0.0
    for k in range(n + 1):
        r = equity[k + 1] / equity[k] - 1.0
        variance = second - first**2
        change = 0.0 if variance <= 1e-18 else (second * (r - first) - first * (r**2 - second) / 2) / variance**1.5
        first, second = first + decay * (r - first), second + decay * (r**2 - second)
    return change


def simple(equity, n):
    return equity[n + 1] / equity[n] - 1.0


FORMULAS = {
    "log_wealth": ({}, log_wealth),
    "pnl": ({}, lambda e, n: (e[n + 1] - e[n]) / e[0]),
    "mean_variance": ({"risk_aversion": 3.0}, lambda e, n: simple(e, n) - 1.5 * simple(e, n) ** 2),
    "drawdown": (
        {"drawdown_penalty": 0.7},
        lambda e, n: log_wealth(e, n) - 0.7 * max(drawdown(e, n + 1) - drawdown(e, n), 0.0),
    ),
    "differential_sharpe": ({"sharpe_decay": 0.05}, lambda e, n: differential_sharpe(e, n, 0.05)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_rewards_follow_their_formulas(name):
    settings, formula = FORMULAS[name]
    env = single(bars=walk(160), costs=COSTS, reward=name, reward_scale=2.5, **settings)
    for seed in (1, 2):  # the second episode begins anew: peak, averages and E₀ too
        _, info = env.reset(seed=seed)
        first = info["equity"]
        _, infos, rewards, _ = played(env, 150, seed)
        equity = [first] + [info["equity"] for info in infos]
        assert np.std(equity) > 100.0
        expected = [2.5 * formula(equity, n) for n in range(len(rewards))]
        np.testing.assert_allclose(rewards, expected, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("defaults", [("mean_variance", 1.0), ("drawdown", 1.0), ("differential_sharpe", 0.01)])
def test_options_of_a_reward_have_the_documented_defaults(defaults):
    name, value = defaults
    option = {"mean_variance": "risk_aversion", "drawdown": "drawdown_penalty", "differential_sharpe": "sharpe_decay"}
    totals = []
    for given in ({}, {option[name]: value}, {option[name]: value / 2}):
        env = single(bars=walk(80), costs=COSTS, reward=name, **given)
        env.reset(seed=1)
        totals.append(played(env, 70)[2].sum())
    assert totals[0] == totals[1] != totals[2]


@pytest.mark.parametrize("market", MARKETS)
def test_log_wealth_adds_up_to_the_log_of_wealth(market):
    """Rule 24: within 1e-10."""
    env = single(actions="continuous", costs=COSTS, **MARKETS[market]())
    env.reset(seed=1)
    _, infos, rewards, _ = played(env, 500)
    assert len(rewards) > 100
    assert abs(math.fsum(rewards) - math.log(infos[-1]["equity"] / 100_000.0)) < 1e-10


def test_one_step_by_hand():
    """Long 100 % from a close of 100 on, commission 0.1 %: bought at the next open, 110, marked at 121.

    The order is for 1,000/100 = 10 units. 10·110·1.001 = 1,101.10 is more than there is, so that it is reduced to
    1,000/(110·1.001) = 9.0818… units, and equity becomes 121/(110·1.001)·1,000 = 1,098.901…
    """
    bars = priced((90, 90), (95, 95), (100, 100), (110, 121), (121, 121))
    env = single(bars=bars, cash=1_000.0, costs=Costs(commission=0.001), window=1)
    env.reset(seed=0, options={"start": 2})
    _, reward, _, _, info = env.step(2)
    assert info["position"] == pytest.approx(1_000.0 / (110.0 * 1.001), rel=1e-12)
    assert info["equity"] == pytest.approx(1_000.0 * 121.0 / (110.0 * 1.001), rel=1e-12)
    assert info["costs"] == pytest.approx(0.001 * 1_000.0 / 1.001, rel=1e-12)
    assert info["turnover"] == pytest.approx(1.0 / 1.001, rel=1e-12)
    assert reward == pytest.approx(math.log(121.0 / (110.0 * 1.001)), rel=1e-12)


CRASH = ((100, 100), (100, 100), (100, 100), (100, 90), (65, 65), (66, 66), (66, 66))


def test_ruin_ends_the_episode_in_the_step_that_reaches_it():
    """All in at 100: 90 % at the close of bar 3, 65 % at that of bar 4."""
    for ruin, steps in ((0.9, 1), (0.8999, 2), (0.65, 2), (0.6499, 4), (0.0, 4)):
        env = single(bars=priced(*CRASH), ruin=ruin, window=1)
        env.reset(seed=0, options={"start": 2})
        ended = [env.step(2)[2:4]]
        while not any(ended[-1]):
            ended.append(env.step(2)[2:4])
        assert len(ended) == steps
        assert ended[-1] == ((True, False) if steps < 4 else (False, True))


def test_the_floor_holds_log_wealth_finite():
    """A step to 65 % with a floor of 70 % is paid as one to 70 %."""
    env = single(bars=priced(*CRASH), floor=0.7, window=1, ruin=0.68)
    env.reset(seed=0, options={"start": 2})
    assert env.step(2)[1] == pytest.approx(math.log(0.9), rel=1e-12)
    observation, reward, terminated, _, _ = env.step(2)
    assert reward == pytest.approx(math.log(0.7 / 0.9), rel=1e-12)
    assert terminated
    assert np.isfinite(observation).all()


@pytest.mark.parametrize(("name", "expected"), [("log_wealth", math.log(1e-8)), ("pnl", -1.0), ("mean_variance", -1.5)])
def test_an_account_that_loses_more_than_it_has_is_bankrupt_and_its_episode_over(name, expected):
    """Three times long at 100, and the next open is 60: equity would be 1 - 3·0.4 < 0; it is written off to 0."""
    bars = priced((100, 100), (100, 100), (100, 100), (100, 100), (60, 60), (66, 66))
    env = single(bars=bars, account=Account(leverage=3.0), exposures=(0.0, 3.0), window=1, reward=name, record=True)
    env.reset(seed=0, options={"start": 2})
    assert env.step(1)[1] == 0.0
    observation, reward, terminated, truncated, info = env.step(1)
    assert (terminated, truncated) == (True, False)
    assert (info["equity"], info["position"]) == (0.0, 0.0)
    assert reward == pytest.approx(expected, rel=1e-12)
    assert np.isfinite(observation).all()
    result = env.unwrapped.result()
    assert result.equity.iloc[-1] == 0.0
    assert result.cash_flows.kind.iloc[-1] == "write_off"


def test_a_negative_equity_whose_position_cannot_be_closed_ends_the_episode_too():
    """The asset has no volume in the bar of the crash: nothing fills, equity stays below zero, and that is ruin."""
    bars = priced((100, 100), (100, 100), (100, 100), (100, 100), (60, 60), (66, 66))
    volume = np.full((6, 1), 1e6)
    volume[4] = 0.0
    bars = type(bars).from_arrays(bars.timestamps, bars.open, bars.high, bars.low, bars.close, volume, symbols=["ACME"])
    env = single(bars=bars, account=Account(leverage=3.0), exposures=(0.0, 3.0), window=1)
    env.reset(seed=0, options={"start": 2})
    env.step(1)
    observation, reward, terminated, _, info = env.step(1)
    assert terminated
    assert info["equity"] == pytest.approx(-20_000.0, rel=1e-12)  # 100,000·(1 - 3·0.4)
    assert reward == pytest.approx(math.log(1e-8), rel=1e-12)
    assert np.isfinite(observation).all()


# ----------------------------------------------------------------- a user's own


def reward_before(before, after, peak, costs, turnover):
    return before


def reward_after(before, after, peak, costs, turnover):
    return after


def reward_peak(before, after, peak, costs, turnover):
    return peak


def reward_costs(before, after, peak, costs, turnover):
    return costs


def reward_turnover(before, after, peak, costs, turnover):
    return turnover


def test_a_function_receives_what_its_arguments_say():
    found = {}
    for function in (reward_before, reward_after, reward_peak, reward_costs, reward_turnover):
        env = single(bars=walk(100), costs=COSTS, reward=function)
        env.reset(seed=1)
        _, infos, rewards, _ = played(env, 90)
        found[function.__name__.removeprefix("reward_")] = rewards
    equity = np.array([100_000.0] + [info["equity"] for info in infos])
    np.testing.assert_array_equal(found["before"], equity[:-1])
    np.testing.assert_array_equal(found["after"], equity[1:])
    np.testing.assert_array_equal(found["peak"], np.maximum.accumulate(equity)[1:])
    np.testing.assert_array_equal(found["costs"], [info["costs"] for info in infos])
    np.testing.assert_array_equal(found["turnover"], [info["turnover"] for info in infos])
    assert found["costs"].sum() > 0.0


def growth_less_turnover(before, after, peak, costs, turnover):
    return math.log(after / before) - 0.001 * turnover


def test_plain_and_jitted_functions_pay_the_same_in_one_copy_and_in_many():
    rewards = []
    for function in (growth_less_turnover, numba.njit(growth_less_turnover)):
        env = single(bars=walk(100), costs=COSTS, reward=function)
        env.reset(seed=1)
        rewards.append(played(env, 90)[2].tolist())
    many = vector(2, bars=walk(100), costs=COSTS, reward=growth_less_turnover)
    many.reset(seed=1)
    env.reset(seed=1)
    actions = played(env, 90)[0]
    rewards.append([many.step(np.repeat(action, 2))[1][0] for action in actions])
    assert rewards[0] == rewards[1] == rewards[2]


def not_a_number(before, after, peak, costs, turnover):
    return math.nan


def no_number(before, after, peak, costs, turnover):
    return "much"


def too_few(before, after):
    return after - before


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"reward": "log_welth"}, "'log_welth'; did you mean 'log_wealth'.*or a function f"),
        ({"reward": None}, "reward is None"),
        ({"reward": not_a_number}, r"not_a_number\(100, 101, 101, 0.5, 0.1\) is nan; it must be finite"),
        ({"reward": no_number}, "no_number cannot be compiled"),
        ({"reward": too_few}, "too_few cannot be compiled as f"),
        ({"risk_aversion": 1.0}, "risk_aversion has no meaning for the reward 'log_wealth'; leave it out"),
        ({"reward": "drawdown", "sharpe_decay": 0.1}, "sharpe_decay has no meaning for the reward 'drawdown'"),
        ({"reward": "differential_sharpe", "sharpe_decay": 0.0}, "sharpe_decay is 0.0; it must be above 0"),
        ({"reward": "differential_sharpe", "sharpe_decay": 1.5}, "sharpe_decay is 1.5"),
        (
            {"reward": "mean_variance", "risk_aversion": -1.0},
            "risk_aversion must be .* at least 0, found -1.0",
        ),
        ({"reward": "mean_variance", "risk_aversion": "much"}, "risk_aversion must be a number"),
        ({"reward_scale": 0.0}, "reward_scale is 0.0"),
        ({"floor": 0.0}, "floor is 0.0"),
        ({"floor": 1.0}, "floor is 1.0; it must be above 0.0 and below 1.0"),
        ({"ruin": 1.0}, "ruin is 1.0; it must be at least 0.0 and below 1.0"),
        ({"ruin": math.nan}, "ruin is nan"),
    ],
)
def test_rewards_that_mean_nothing_are_refused(given, says):
    with pytest.raises(SettingsError, match=says):
        single(bars=walk(60), **given)
