"""Where episodes begin and end, and that one that begins anywhere is a backtest that waits until there."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from trading_cases import COSTS, MARKETS, ORDERS, SCHEMES, Repeat, number_of, played, priced, single, vector, walk

from backtester import Account, Bars, run
from backtester.errors import DataError, SettingsError
from envs.errors import ResetNeeded


def at(env):
    """Return the bar each copy has seen last."""
    return env.unwrapped.core.bar().tolist()


# ----------------------------------------------------------------- an episode is a backtest, wherever it begins


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_episode_that_begins_in_the_middle_is_a_backtest_that_waits(scheme, market):
    """The account opens at bar 90, among splits, gaps, rates and delistings that it has not seen happen."""
    settings = {"costs": COSTS, **MARKETS[market]()}
    bars, begin = settings["bars"], 90
    env = single(actions=scheme, record=True, **settings, **(ORDERS if scheme == "orders" else {}))
    for _ in range(2):  # the second episode lies in the memory of the first
        env.reset(seed=1, options={"start": begin})
        actions, infos, _, _ = played(env, 500, seed=3)
    mine = env.unwrapped.result()
    strategy = Repeat(
        actions=actions, scheme=number_of(scheme), begin=begin, exposures=env.unwrapped.core.trading.exposures
    )
    known = {name: settings[name] for name in ("costs", "account", "execution") if name in settings}
    result = run(strategy, bars, cash=100_000.0, mode="interpreted", **known)
    end = at(env)[0]
    assert len(mine.tables.fills) >= 4
    assert_array_equal(mine.tables.equity[begin : end + 1], result.tables.equity[begin : end + 1])
    if market != "close":  # there the table has the equity after what filled at the close, which no agent has seen yet
        assert_array_equal([info["equity"] for info in infos], mine.tables.equity[begin + 1 :])
    for table in ("fills", "flows"):
        theirs = getattr(result.tables, table)
        assert getattr(mine.tables, table).tobytes() == theirs[theirs["bar"] <= end].tobytes()


def test_an_account_stopped_by_its_drawdown_acts_no_more():
    """At the close of bar 3 it has lost 10 % of its peak, and the limit is 5 %: it is closed at the open of bar 4.

    The agent's own CLOSE in bar 3 would cancel that order, and be refused itself; a backtest does not ask it any more.
    """
    bars = priced((100, 100), (100, 100), (100, 100), (100, 90), (91, 91), (80, 80), (80, 80), (80, 80))
    env = single(bars=bars, account=Account(max_drawdown=0.05), actions="orders", window=1, stop_loss=0.5)
    env.reset(seed=0, options={"start": 2})
    assert env.step(1)[4]["position"] == 1_000.0
    assert env.unwrapped.action_masks().tolist() == [True] + [False] * 5
    info = env.step(5)[4]
    assert (info["position"], info["equity"]) == (0.0, 91_000.0)
    assert [env.step(verb)[4]["equity"] for verb in (1, 2, 3)] == [91_000.0] * 3


@pytest.mark.parametrize("market", MARKETS)
def test_costs_and_turnover_are_those_of_the_tables(market):
    settings = {"costs": COSTS, **MARKETS[market]()}
    env = single(actions="weights", record=True, **settings)
    env.reset(seed=1)
    first = at(env)[0]
    _, infos, _, _ = played(env, 500)
    result = env.unwrapped.result()
    fills, flows = result.fills, result.cash_flows
    contracts = {"FESX": 10.0}
    equity = 100_000.0
    for n, info in enumerate(infos):
        bar = first + 1 + n
        now = fills[fills.bar == (bar - 1 if market == "close" else bar)]  # … of the bar in which the agent acted
        paid = now[["commission", "spread", "slippage", "impact", "rounding"]].to_numpy().sum()
        carried = flows[(flows.bar == bar) & flows.kind.isin(["borrow", "debit_interest"])]
        rates = carried.fx if "fx" in carried else 1.0
        assert info["costs"] == pytest.approx(paid - (carried.amount * rates).sum(), rel=1e-12, abs=1e-9)
        size = np.array([contracts.get(one, 1.0) for one in now.symbol])
        rate = now.fx.to_numpy() if "fx" in now else 1.0
        traded = (now.quantity.abs().to_numpy() * now.price.to_numpy() * size * rate).sum()
        assert info["turnover"] == pytest.approx(traded / equity, rel=1e-12)
        equity = info["equity"]
    assert sum(info["costs"] for info in infos) > 0.0


# ----------------------------------------------------------------- starts


def test_random_starts_are_uniform_over_every_start_that_leaves_room():
    """With 20 bars, the first observation at bar 2 and 8 steps, the starts are bars 2 to 11: ten of them."""
    env = vector(2_000, bars=walk(20), episode_length=8)
    env.reset(seed=0)
    starts = np.concatenate([env.unwrapped.core.bar(), (env.reset(), env.unwrapped.core.bar())[1]])
    counts = np.bincount(starts, minlength=20)
    assert counts[:2].sum() == counts[12:].sum() == 0
    # 4,000 draws, 400 expected for each, standard deviation √(4000·0.1·0.9) = 19
    assert (np.abs(counts[2:12] - 400) < 5 * 19).all()


def test_an_episode_has_its_length_and_never_leaves_the_range():
    bars = walk(60)
    env = single(bars=bars, start=20, end=40, episode_length=10)
    for seed in range(20):
        env.reset(seed=seed)
        first = at(env)[0]
        assert 20 <= first <= 29  # 10 steps end at bar 39 at the latest, the last of bars[20:40]
        ended = [env.step(1)[2:4] for _ in range(10)]
        assert ended == [(False, False)] * 9 + [(False, True)]
        assert at(env)[0] == first + 10


def test_a_fixed_start_is_the_first_bar_and_no_length_is_the_whole_range():
    bars = walk(60)
    env = single(bars=bars, random_start=False, episode_length=7)
    env.reset(seed=1)
    assert at(env) == [2]  # log_return(1) is known from bar 1 on, and a window of 2 from bar 2
    env = single(bars=bars, end=30)
    env.reset(seed=1)
    assert at(env) == [2]
    steps = 0
    while not env.step(1)[3]:
        steps += 1
    assert (steps + 1, at(env)) == (27, [29])


def test_the_range_takes_dates_positions_and_both():
    bars = walk(60)  # one bar a day from 2020-01-01 on
    for start, end in ((10, 31), ("2020-01-11", "2020-01-31"), (10, "2020-01-31"), ("2020-01-11", 31), (-50, -29)):
        core = single(bars=bars, start=start, end=end).unwrapped.core
        assert (core.first, core.last) == (10, 30)


def test_the_window_may_reach_before_the_range_but_no_episode_does():
    core = single(bars=walk(60), window=30, start=35).unwrapped.core
    assert core.first == 35
    assert single(bars=walk(60), window=30, start=10).unwrapped.core.first == 30


# ----------------------------------------------------------------- options


def test_options_choose_the_first_and_the_last_bar_of_one_episode():
    env = single(bars=walk(60), episode_length=50)
    env.reset(seed=1, options={"start": 20, "end": 23})
    assert at(env) == [20]
    assert [env.step(1)[3] for _ in range(3)] == [False, False, True]
    env.reset(options={"start": 57})
    assert [env.step(1)[3] for _ in range(2)] == [False, True]  # bar 59 is the last
    env.reset(options={"end": 5})
    assert at(env) == [2]
    starts = set()
    for _ in range(20):
        env.reset()
        starts.update(at(env))
    assert len(starts) > 3  # what one reset was asked for does not stay


def test_options_take_dates_even_those_without_a_bar():
    """2018-12-15 and 16 are a weekend: the next session is Monday 17, the one before Friday 14."""
    bars = Bars.sample("sp500")["2018-11":"2018"]
    env = single(bars=bars)
    monday = int(np.flatnonzero(bars.sessions == np.datetime64("2018-12-17").astype(int))[0])
    for start in ("2018-12-15", "2018-12-16", "2018-12-17", np.datetime64("2018-12-16"), monday, monday - bars.n_bars):
        env.reset(options={"start": start})
        assert at(env) == [monday]
    for end in ("2018-12-16", "2018-12-14", monday - 1):
        env.reset(options={"start": monday - 3, "end": end})
        env.step(1)
        assert env.step(1)[3]
        assert at(env) == [monday - 1]
    env.reset(options={"start": "2018-12", "end": "2018-12"})  # a month: its first bar, its last bar
    assert bars.sessions[at(env)[0]] == np.datetime64("2018-12-03").astype(int)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"start": 1}, "from bar 1 to bar 59 is not possible; in the range of this environment are bars 2 to 59"),
        ({"start": 59}, "must end after it begins"),
        ({"start": 30, "end": 30}, "from bar 30 to bar 30"),
        ({"start": 99}, r"option start=99 of reset: bars\[99\]: there are 60 bars"),
        ({"end": "1999"}, "option end='1999' of reset: .* has no bar"),
        ({"start": True}, "option start=True of reset"),
        ({"end": 2.5}, "option end=2.5 of reset"),
        ({"begin": 3}, "no option 'begin'"),
    ],
)
def test_options_that_mean_no_episode_are_refused_and_change_nothing(options, says):
    env = single(bars=walk(60))
    env.reset(seed=1, options={"start": 20})
    env.step(2)
    with pytest.raises(SettingsError, match=says):
        env.reset(options=options)
    assert at(env) == [21]
    env.step(2)
    assert at(env) == [22]


def test_options_of_a_vector_reach_the_copies_in_the_mask_alone():
    env = vector(3, bars=walk(60), episode_length=5, autoreset_mode="Disabled")
    env.reset(seed=1)
    before = at(env)
    env.reset(options={"start": 50, "reset_mask": np.array([False, True, False])})
    assert at(env) == [before[0], 50, before[2]]


def test_data_that_are_too_short_for_an_episode_are_refused():
    with pytest.raises(DataError, match=r"leave 57 steps, and an episode takes 58.*first observation is at bar 2"):
        single(bars=walk(60), episode_length=58)
    assert single(bars=walk(60), episode_length=57).unwrapped.core.first == 2
    with pytest.raises(DataError, match="smaller window"):
        single(bars=walk(60), window=59)


# ----------------------------------------------------------------- seeds and vectors


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_copies_of_a_vector_are_single_environments(scheme, mode):
    """Copy i, seeded with s + i, is the single environment seeded with s + i, whatever happens to the others."""
    settings = {"bars": walk(120, 2), "episode_length": 9, "actions": scheme, "costs": COSTS, "ruin": 0.995}
    many = vector(3, autoreset_mode=mode, **settings)
    ones = [single(**settings) for _ in range(3)]
    seen, _ = many.reset(seed=40)
    rows = [one.reset(seed=40 + i)[0] for i, one in enumerate(ones)]
    assert_array_equal(seen, rows)
    many.action_space.seed(2)
    over, ends = [False] * 3, 0
    for _ in range(60):
        actions = many.action_space.sample()
        seen, reward, terminated, truncated, info = many.step(actions)
        for i, one in enumerate(ones):
            if over[i] and mode == "NextStep":
                row, _ = one.reset()
                mine, over[i] = (0.0, False, False), False
            else:
                row, *mine, _ = one.step(actions[i])
                mine = tuple(mine)
                over[i] = mine[1] or mine[2]
                ends += over[i]
                if over[i] and mode == "SameStep":
                    assert_array_equal(info["final_obs"][i], row)
                    assert info["final_info"]["equity"][i] == one.unwrapped.core.info_of(0)["equity"]
                    row, _ = one.reset()
            assert (reward[i], terminated[i], truncated[i]) == mine
            assert_array_equal(seen[i], row)
            assert info["equity"][i] == one.unwrapped.core.info_of(0)["equity"]
            assert_array_equal(info["position"][i], one.unwrapped.core.info_of(0)["position"])
    assert ends > 15


def test_threads_do_not_change_a_bit():
    """From 256 copies on, several threads step them."""
    settings = {"bars": walk(120), "episode_length": 11, "costs": COSTS, "actions": "orders"}
    many, few = vector(300, **settings), vector(3, **settings)
    many.reset(seed=5), few.reset(seed=5 + 290)
    rng = np.random.default_rng(0)
    for _ in range(40):
        actions = rng.integers(6, size=300)
        wide, narrow = many.step(actions), few.step(actions[290:293])
        for one, other in zip(wide[:4], narrow[:4], strict=True):
            assert_array_equal(one[290:293], other)


def test_staggered_first_episodes_have_other_lengths_and_then_all_have_the_same():
    env = vector(64, bars=walk(200), episode_length=20, stagger=True)
    env.reset(seed=3)
    lengths = [[] for _ in range(64)]
    for _ in range(64):
        env.step(np.ones(64, np.int64))
        core = env.unwrapped.core
        for i in np.flatnonzero(core.truncated):
            lengths[i].append(int(core.final_length[i]))
    firsts = {one[0] for one in lengths}
    assert firsts <= set(range(1, 21))
    assert len(firsts) > 12
    assert {length for one in lengths for length in one[1:]} == {20}


def test_a_step_after_the_end_needs_a_reset():
    env = single(bars=walk(30), episode_length=2)
    with pytest.raises(ResetNeeded, match="has not begun"):
        env.step(1)
    env.reset(seed=0)
    env.step(1), env.step(1)
    with pytest.raises(ResetNeeded, match="is over"):
        env.step(1)


# ----------------------------------------------------------------- records


def test_a_result_stays_what_it_was_when_its_environment_goes_on():
    env = single(bars=walk(80), record=True, costs=COSTS)
    env.reset(seed=1)
    played(env, 20)
    result = env.unwrapped.result()
    equity, fills = result.equity.copy(), len(result.fills)
    played(env, 20, seed=9)
    env.reset(seed=2)
    played(env, 5)
    assert result.equity.equals(equity)
    assert len(result.fills) == fills == len(result.tables.fills)
    assert result.bars.n_bars == 2 + 1 + 20


def test_the_account_before_the_episode_is_idle_in_its_result():
    env = single(bars=walk(80), record=True, cash=5_000.0)
    env.reset(seed=1, options={"start": 30})
    env.step(2)
    result = env.unwrapped.result()
    assert (result.equity.iloc[:31] == 5_000.0).all()
    assert result.fills.bar.min() == 31
