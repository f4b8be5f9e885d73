"""`check_trading_env` finds every fault that is put in, each in an environment that is right otherwise."""

import random

import gymnasium
import numpy as np
import pandas as pd
import pytest
from gymnasium import spaces
from ids import IDS, single

import envs
from backtester import Bars
from backtester.errors import SettingsError
from envs.errors import EnvError
from envs.futures import flat_between, scaled_from

CLOSE = 100.0 * np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.01, 300)))


class Plain(gymnasium.Env):
    """Hold −1, 0 or 1 of a price: log wealth, observed are the last three changes. Right, unless a fault is named."""

    def __init__(self, close, fault=""):
        self.close_, self.fault = np.asarray(close, np.float64).reshape(-1), fault
        self.changes = np.diff(np.log(self.close_), prepend=np.nan)
        high = np.inf if fault == "no bounds" else 1.0
        self.action_space = spaces.Box(-high, high, (1,), np.float32)
        self.observation_space = spaces.Box(-10.0, 10.0, (3,), np.float32)
        self.buffer = np.zeros(3, np.float32)

    def look(self):
        t = self.t
        seen = self.changes[t - 2 : t + 1].copy()
        if self.fault == "leak" and t + 1 < len(self.changes):
            seen[0] = self.changes[t + 1]
        if self.fault == "scaler":
            seen /= np.nanstd(self.changes)
        if self.fault == "nan" and t % 50 == 0:
            seen[1] = np.nan
        if self.fault == "dtype":
            return seen
        if self.fault == "outside":
            seen += 20.0
        if self.fault == "one buffer":
            self.buffer[:] = seen
            return self.buffer
        return seen.astype(np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if self.fault == "global generator":
            np.random.seed(seed)  # noqa: NPY002
        if self.fault == "random":
            random.random()
        fixed = self.fault == "one start"
        start = 10 if fixed else int(self.np_random.integers(3, 40))
        if self.fault == "unseeded":
            start = int(np.random.default_rng().integers(3, 200))
        self.t, self.equity = start, 1.0
        return self.look(), self.info()

    def info(self):
        return {"equity": self.equity, "bar": self.t}

    def step(self, action):
        exposure = float(np.clip(action[0], -1.0, 1.0))
        past = self.changes[self.t]
        self.t += 1
        change = self.changes[self.t]
        if self.fault == "paid for the past":
            change = past
        growth = 1.0 + exposure * np.expm1(change)
        self.equity *= growth
        reward = float(np.log(growth))
        if self.fault == "wrong reward":
            reward = exposure * change
        if self.fault == "drift" and reward > 0.0:
            reward += 1e-6
        if self.fault == "text":
            reward = str(reward)
        if self.fault == "infinite":
            reward = np.inf
        truncated = self.t == len(self.close_) - 1
        return self.look(), reward, 0 if self.fault == "flags" else False, bool(truncated), self.info()


#: rules that a fault breaks besides its own
ALSO = {
    "infinite": {"ledger", "no pay for the past"},
    "nan": {"spaces"},
}


def failures(fault, **more):
    with pytest.raises(EnvError) as caught:
        envs.check_trading_env(Plain(CLOSE, fault), make=lambda close: Plain(close, fault), bars=CLOSE[:, None], **more)
    report = caught.value.report
    assert not report.ok
    for one in report.failures:
        assert one.name in str(caught.value)
        assert one.detail in str(caught.value)
    return {one.name: one.detail for one in report.failures}


def test_what_is_right_passes():
    report = envs.check_trading_env(Plain(CLOSE), make=Plain, bars=CLOSE[:, None])
    assert report.ok
    assert [one.outcome for one in report.checks] == ["passed"] * 7


@pytest.mark.parametrize(
    ("fault", "rule", "words"),
    [
        ("leak", "causality", "observation[0] after"),
        ("scaler", "causality", "with other data after bar"),
        ("paid for the past", "no pay for the past", "prices stand still after bar"),
        ("wrong reward", "ledger", "the rewards add up to"),
        ("drift", "ledger", "the rewards add up to"),
        ("unseeded", "seeds", "seed 0 again"),
        ("one start", "seeds", "all play the same episode"),
        ("nan", "numbers", "observation["),
        ("infinite", "numbers", "the reward of step 1 is inf"),
        ("dtype", "spaces", "an observation is float64, the space float32"),
        ("outside", "spaces", "is not in Box"),
        ("one buffer", "spaces", "was written to by a later step"),
        ("flags", "spaces", "not bools"),
        ("global generator", "global generators", "that of numpy.random"),
        ("random", "global generators", "that of random"),
    ],
)
def test_a_fault_is_found_and_named(fault, rule, words):
    state, python = np.random.get_state(), random.getstate()  # noqa: NPY002
    found = failures(fault)
    np.random.set_state(state)  # noqa: NPY002
    random.setstate(python)
    assert words in found[rule]
    assert set(found) - {rule} == ALSO.get(fault, set())


def test_an_action_space_without_bounds():
    assert "has no bounds" in failures("no bounds")["spaces"]


def test_a_reward_that_is_no_number():
    assert "a reward is a str, not a number" in failures("text")["spaces"]


def test_data_that_make_ignores_is_not_taken_for_causality():
    with pytest.raises(EnvError, match="does make use its bars"):
        envs.check_trading_env(Plain(CLOSE), make=lambda close: Plain(CLOSE), bars=CLOSE[:, None])


def test_a_make_that_makes_something_else():
    with pytest.raises(EnvError, match=r"make\(bars\), with the same bars: observation"):
        envs.check_trading_env(Plain(CLOSE), make=lambda close: Plain(close[::-1]), bars=CLOSE[:, None])


def test_what_cannot_be_checked_is_skipped_with_the_reason():
    report = envs.check_trading_env(Plain(CLOSE))
    skipped = {one.name: one.detail for one in report.checks if one.outcome == "skipped"}
    assert set(skipped) == {"causality", "no pay for the past"}
    assert "make(bars) and bars were not given" in str(report)


def test_a_fixed_start_may_be_declared():
    report = envs.check_trading_env(
        Plain(CLOSE, "one start"),
        make=lambda close: Plain(close, "one start"),
        bars=CLOSE[:, None],
        random_start=False,
    )
    assert report.ok


def test_frames_and_bars_are_changed_too():
    frame = pd.DataFrame({"Close": CLOSE, "name": "x"})
    assert envs.check_trading_env(Plain(CLOSE), make=lambda df: Plain(df["Close"]), bars=frame).ok
    times = np.arange(300) * 86_400_000_000_000
    bars = Bars.from_arrays(times, *[CLOSE] * 4, np.ones(300), check=False)
    assert envs.check_trading_env(Plain(CLOSE), make=lambda one: Plain(one.close), bars=bars).ok
    assert envs.check_trading_env(Plain(CLOSE), make=lambda d: Plain(d["a"].close), bars={"a": bars}).ok


@pytest.mark.parametrize("env_id", IDS)
def test_our_own_environments_pass(env_id):
    report = envs.check_trading_env(single(env_id, 60))
    assert report.ok
    assert report.env == env_id


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reward": "log_welth"}, "reward must be one of log_wealth, pnl or None.*did you mean 'log_wealth'"),
        ({"steps": 1}, "steps must be at least 2, found 1"),
        ({"bars": CLOSE}, "make and bars are needed together"),
        ({"bars": "prices.csv", "make": lambda data: Plain(CLOSE)}, "found str"),
    ],
)
def test_wrong_arguments_are_named(wrong, message):
    with pytest.raises(SettingsError, match=message):
        envs.check_trading_env(Plain(CLOSE), **wrong)


def test_an_environment_without_a_bar_is_asked_for_one():
    class Silent(Plain):
        def info(self):
            return {"equity": self.equity}

    with pytest.raises(SettingsError, match="which row has the agent seen last"):
        envs.check_trading_env(Silent(CLOSE), make=Silent, bars=CLOSE)
    assert envs.check_trading_env(Silent(CLOSE), make=Silent, bars=CLOSE, bar=lambda env, info: env.t).ok


def test_something_else_is_no_environment():
    with pytest.raises(SettingsError, match=r"takes a gymnasium.Env, found SineVector"):
        envs.check_trading_env(gymnasium.make_vec("backtester/Sine-v0", 2, "vector_entry_point"))


class TestFutures:
    def test_the_past_stays_and_every_later_row_changes(self):
        values = np.arange(1.0, 13.0).reshape(6, 2)
        changed = scaled_from(values, 3)
        assert (changed[:3] == values[:3]).all()
        assert (changed[3:] != values[3:]).all()
        assert (changed > 0).all()
        assert len(np.unique(changed[3:, 0] / values[3:, 0])) == 3

    def test_a_standstill_of_bars(self):
        bars = Bars.sample("sp500")[:20]
        still = flat_between(bars, 7, 10)
        for name in ("open", "high", "low", "close"):
            column, old = getattr(still, name), getattr(bars, name)
            assert (column[8:11] == bars.close[7]).all()
            assert (column[:8] == old[:8]).all()
            assert (column[11:] == old[11:]).all()
        assert (still.timestamps == bars.timestamps).all()
        assert (still.sessions == bars.sessions).all()

    def test_an_event_of_the_standstill_is_taken_out_and_a_missing_bar_stays_missing(self):
        close = np.arange(1.0, 7.0)[:, None]
        close[3] = np.nan
        dividend = np.full((6, 1), np.nan)
        dividend[4] = 0.5
        times = np.arange(6) * 86_400_000_000_000
        bars = Bars.from_arrays(times, *[close] * 4, np.ones((6, 1)), extras={"dividend": dividend}, check=False)
        still = flat_between(bars, 3, 4)  # the last known price before is that of row 2
        assert np.isnan(still.extras["dividend"]).all()
        assert still.close[4, 0] == 3.0
        assert still.close[5, 0] == 6.0
        still = flat_between(bars, 2, 4)
        assert np.isnan(still.close[3, 0])
        assert still.close[4, 0] == 3.0
