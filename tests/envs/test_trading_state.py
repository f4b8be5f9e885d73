"""A state, taken anywhere, goes on bit for bit: in another environment, in its own, and in another process."""

import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from trading_cases import COSTS, ORDERS, SCHEMES, abroad, events, single, vector, walk

import envs
from backtester import Bars, Costs, Execution
from backtester.errors import SettingsError
from backtester.indicators import rsi
from backtester.kernel import pool


def settings_of(scheme, n_assets, **more):
    """Return a market in which orders wait for four bars, so that tables grow."""
    orders = ORDERS if scheme == "orders" else {}
    base = {"bars": walk(300, n_assets), "actions": scheme, "execution": Execution(latency_bars=4), "costs": COSTS}
    return {**base, "episode_length": 60, **orders, **more}


def actions_of(env, n, seed=0):
    env.action_space.seed(seed)
    return [env.action_space.sample() for _ in range(n)]


def steps(env, actions):
    """Return all that steps return, and the masks."""
    found = []
    for action in actions:
        *results, info = env.step(action)
        masks = env.unwrapped.core.action_masks()
        found.append([*results, *(info[name] for name in sorted(info)), np.zeros(0) if masks is None else masks])
    return found


def assert_same(mine, theirs):
    for one, other in zip(mine, theirs, strict=True):
        for a, b in zip(one, other, strict=True):
            assert_array_equal(a, b)


@pytest.mark.parametrize("n_assets", [1, 3])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_state_goes_on_in_another_environment_and_in_its_own(scheme, n_assets):
    settings = settings_of(scheme, n_assets)
    env, other = vector(3, **settings), vector(3, **settings)
    actions = actions_of(env, 200)
    env.reset(seed=3), other.reset(seed=70)
    core = env.unwrapped.core
    begin = core.get_state()
    first = steps(env, actions[:80])
    middle = core.get_state()
    assert any(" of " in name for name in middle), "the case should have tables that grew"
    rest = steps(env, actions[80:])
    steps(other, actions[90:130])  # its tables have grown otherwise
    other.unwrapped.core.set_state(middle)
    assert_same(steps(other, actions[80:]), rest)
    core.set_state(middle)
    assert_same(steps(env, actions[80:]), rest)
    core.set_state(begin)  # from before any table grew
    assert_same(steps(env, actions), first + rest)


@pytest.mark.parametrize("market", ["events", "abroad"])
def test_positions_rates_and_listings_are_part_of_it(market):
    given = {"bars": events()} if market == "events" else dict(zip(("bars", "account"), abroad(), strict=True))
    settings = settings_of("weights", 1, **given)
    env, other = vector(2, **settings), vector(2, **settings)
    actions = actions_of(env, 120)
    env.reset(seed=1), other.reset(seed=2)
    steps(env, actions[:50])
    other.unwrapped.core.set_state(env.unwrapped.core.get_state())
    assert_same(steps(env, actions[50:]), steps(other, actions[50:]))


ELSEWHERE = """
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
from test_trading_state import actions_of, settings_of, steps
from trading_cases import vector

env = vector(3, **settings_of("orders", 2))
with np.load(sys.argv[2]) as state:
    env.unwrapped.core.set_state(dict(state))
found = steps(env, actions_of(env, 160)[100:])
print(repr([[np.asarray(one).tobytes().hex() for one in row] for row in found]))
"""


def test_a_state_goes_on_in_another_process(tmp_path):
    env = vector(3, **settings_of("orders", 2))
    actions = actions_of(env, 160)
    env.reset(seed=5)
    steps(env, actions[:100])
    np.savez(tmp_path / "state.npz", **env.unwrapped.core.get_state())
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", ELSEWHERE, str(Path(__file__).parent), str(tmp_path / "state.npz")]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    mine = [[np.asarray(one).tobytes().hex() for one in row] for row in steps(env, actions[100:])]
    assert run.stdout.strip() == repr(mine)


def test_a_state_is_plain_numbers_that_any_file_holds():
    env = vector(2, **settings_of("orders", 2))
    env.reset(seed=0)
    steps(env, actions_of(env, 50))
    kinds = {(array.dtype.kind, array.dtype.itemsize) for array in env.unwrapped.core.get_state().values()}
    assert kinds <= {("i", 8), ("u", 8), ("f", 8), ("f", 4), ("b", 1)}


def test_a_state_is_a_copy():
    env = vector(2, **settings_of("discrete", 1))
    env.reset(seed=0)
    state = env.unwrapped.core.get_state()
    before = {name: array.copy() for name, array in state.items()}
    steps(env, actions_of(env, 30))
    for name, array in state.items():
        assert_array_equal(array, before[name])


@pytest.mark.parametrize("change", ["copies", "assets", "no accounts", "no equity"])
def test_a_state_of_another_environment_is_refused_and_nothing_changes(change):
    settings = settings_of("discrete", 2)
    env = vector(3, **settings)
    other = vector(2 if change == "copies" else 3, **settings_of("discrete", 3 if change == "assets" else 2))
    actions = actions_of(env, 60)
    env.reset(seed=1), other.reset(seed=2)
    steps(env, actions[:20])
    mine = env.unwrapped.core.get_state()
    state = other.unwrapped.core.get_state()
    if change == "no accounts":
        state = {name: array for name, array in state.items() if not name.startswith("account ")}
    elif change == "no equity":
        del state["equity"]
    with pytest.raises(SettingsError, match="the state has"):
        env.unwrapped.core.set_state(state)
    now = env.unwrapped.core.get_state()
    assert now.keys() == mine.keys()
    for name, array in mine.items():
        assert_array_equal(now[name], array)


def test_a_recording_environment_has_no_state():
    env = single(bars=walk(60), record=True)
    env.reset(seed=0)
    with pytest.raises(SettingsError, match="record=True cannot be saved in the middle"):
        env.unwrapped.core.get_state()


def test_a_thousand_accounts_take_little_more_than_the_market():
    """Issue: 1,024 copies on a market of any length take 50 MB at most besides the panel they share."""
    env = gymnasium.make_vec(
        "backtester/Trading-v0", num_envs=1024, vectorization_mode="vector_entry_point", bars=walk(300), costs=Costs()
    )
    core = env.unwrapped.core
    per_copy = sum(array.nbytes for array in core.get_state().values())
    assert core.accounts.block.nbytes + per_copy < 50e6 / 2
    assert core.observer.panel.nbytes == 300 * 8 * 4


def test_the_memory_that_features_were_computed_in_is_given_back():
    """Up to 96 MB else, kept for the next run of a backtest."""
    bars = Bars.simulate("gbm", n_bars=20_000, seed=1)
    rsi(bars.close)
    assert pool._kept > 0
    env = single(bars=bars, features=["rsi(14)", "macd(12, 26, 9)"])
    assert pool._kept == 0
    assert env.unwrapped.core.observer.panel.nbytes == 20_000 * 2 * 4


def test_tables_that_growth_left_behind_are_freed_after_the_step():
    """A recorded episode grows its tables again and again; each older one would stay for as long as the environment."""
    core = envs.make(
        "backtester/Trading-v0", 1, bars=Bars.simulate("gbm", n_bars=3000, seed=1), features=["log_return(1)"],
        record=True, autoreset=envs.Autoreset.DISABLED,
    )  # fmt: skip
    core.seed([0])
    core.reset()
    rows = {len(core.memory.view("fills"))}
    for k in range(2900):
        core.step(np.array([2 * (k % 2)]))
        rows.add(len(core.memory.view("fills")))
        assert not core.memory.untidy
    assert len(rows) > 1, "the case should have a table that grew"
