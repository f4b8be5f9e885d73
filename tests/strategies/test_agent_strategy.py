"""An agent as a strategy: what it is refused for, what it rebuilds, and when it begins."""

import json

import gymnasium
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import envs  # noqa: F401, it enters the ids
from backtester import Account, Bars, Costs, Execution, Instrument, run
from backtester.errors import BacktesterError, FeatureError, SettingsError, StrategyError
from backtester.signals import Features
from envs.agents.agent import Agent
from envs.agents.describe import facts_of_env
from envs.agents.policy import MLPPolicy
from envs.trading.rebuild import settings_from
from strategies.agent import AgentStrategy

BARS = Bars.simulate("gbm", n_bars=300, n_assets=2, seed=3)
FEATURES = ["log_return(1)", "zscore(20)"]


def trend(bars):
    """Return a feature of this file: the mean of the last two closes over the close."""
    return (bars.close + np.vstack([bars.close[:1], bars.close[:-1]])) / (2.0 * bars.close)


def other_trend(bars):
    return bars.close / 100.0


def make(bars=BARS, **settings):
    return gymnasium.make("backtester/Trading-v0", bars=bars, **{"features": FEATURES, "window": 3, **settings})


def agent_of(env, seed=1):
    """Return an agent of discrete actions with random weights."""
    facts = facts_of_env(env)
    rng = np.random.default_rng(seed)
    n_in = env.observation_space.shape[0]
    n_out = int(env.action_space.nvec.sum() if hasattr(env.action_space, "nvec") else env.action_space.n)
    layers = [(rng.normal(0.0, 0.5, (8, n_in)), np.zeros(8)), (rng.normal(0.0, 1.0, (n_out, 8)), np.zeros(n_out))]
    policy = MLPPolicy(layers, "tanh", "logits", env.unwrapped.action_space)
    return Agent(
        "ppo", policy, facts.observation_space, facts.action_space, facts.environment, {"seed": seed}, facts.features,
        facts.scaler, facts.data_hash,
    )  # fmt: skip


def prepared(agent, bars=BARS, **parameters):
    return run(AgentStrategy(agent=agent, **parameters), bars, mode="interpreted")


def test_a_bundle_on_disk_trades_as_the_agent_itself(tmp_path):
    agent = agent_of(make(costs=Costs(commission=0.001)))
    agent.save(tmp_path / "agent")
    mine, stored = AgentStrategy(agent=agent), AgentStrategy(agent=str(tmp_path / "agent"))
    results = [run(one, BARS, **one.settings) for one in (mine, stored)]
    assert len(results[0].fills) > 20
    assert results[0].tables.fills.tobytes() == results[1].tables.fills.tobytes()
    assert results[0].tables.fills["commission"].sum() > 0.0


def test_the_settings_of_the_training_survive_json():
    bars = Bars.from_arrays(
        BARS.timestamps, BARS.open, BARS.high, BARS.low, BARS.close, BARS.volume, symbols=["ES", "EURUSD"]
    )
    account = Account(
        leverage=2.0, maintenance=0.25, on_shortfall="reject", max_drawdown=0.5, max_exposure=1.5, currency="USD",
        instruments=[Instrument("ES", tick_size=0.25, lot_size=1, multiplier=50, margin=0.1, currency="EUR")],
        fx={"EUR": "EURUSD"},
    )  # fmt: skip
    costs = Costs(commission=[0.001, 0.002], spread={"ES": 0.0, "EURUSD": 0.0001}, borrow_rate=0.02)
    execution = Execution(fill_at="close", same_bar="nearest", max_participation=0.1, latency_bars=1)
    env = make(bars, cash=77.0, costs=costs, account=account, execution=execution, start="2000-03", window=2)
    settings = json.loads(json.dumps(facts_of_env(env).environment["settings"], allow_nan=False))
    agent = agent_of(env)
    agent.environment["settings"] = settings
    found = AgentStrategy(agent=agent).settings
    assert found["cash"] == 77.0
    assert found["account"] == account
    assert found["execution"] == execution
    assert (list(found["costs"].commission), found["costs"].spread) == ([0.001, 0.002], {"ES": 0.0, "EURUSD": 0.0001})
    given = settings_from(settings, features=Features(FEATURES), cash=5.0)
    assert (given["features"], given["cash"], given["window"]) == (Features(FEATURES), 5.0, 2)


def test_it_begins_when_its_window_is_full_or_where_it_is_told():
    agent = agent_of(make(features=["zscore(20)"], window=4))
    first = int(prepared(agent).tables.orders["submitted"].min())
    assert first == 19 + 3  # zscore(20) is known from bar 19 on, and a window of four from three bars later
    assert int(prepared(agent, start=150).tables.orders["submitted"].min()) == 150
    assert int(prepared(agent, start=5).tables.orders["submitted"].min()) == 22
    sp500 = Bars.sample("sp500")["2018"]
    agent = agent_of(make(sp500))
    saturday = prepared(agent, sp500, start="2018-06-16").tables.orders["submitted"].min()
    assert sp500.sessions[saturday] == np.datetime64("2018-06-18").astype(int)


def test_bars_after_the_start_alone_matter():
    """An agent that starts at bar 100 trades as in an environment whose episode starts there."""
    env = make(record=True)
    agent = agent_of(env)
    observation, _ = env.reset(options={"start": 100})
    over = False
    while not over:
        observation, _, terminated, truncated, _ = env.step(agent.predict(observation))
        over = terminated or truncated
    played = env.unwrapped.result()
    result = run(AgentStrategy(agent=agent, start=100), BARS)
    assert_array_equal(played.tables.equity, result.tables.equity)


# ----------------------------------------------------------------- features


def test_features_of_a_script_are_passed_in_again():
    """A function that no import path leads to is known by name alone: the strategy needs it, as features or a list."""
    local = eval("lambda bars: bars.close / bars.open", {})
    local.__name__ = "ratio"
    features = Features([local, "log_return(1)"])
    agent = agent_of(make(features=features))
    with pytest.raises(FeatureError, match="pass them in"):
        prepared(agent)
    one = prepared(agent, features=features)
    two = prepared(agent, features=[local, "log_return(1)"])
    assert one.tables.fills.tobytes() == two.tables.fills.tobytes()
    assert len(one.tables.fills) > 5


def test_arrays_are_passed_in_again():
    panel = np.random.default_rng(0).normal(size=(300, 2, 2))
    agent = agent_of(make(features=panel))
    with pytest.raises(FeatureError, match="are data, and not part of a specification"):
        prepared(agent)
    assert len(prepared(agent, features=panel).tables.fills) > 5


@pytest.mark.parametrize(
    "others",
    [["log_return(2)", "zscore(20)"], ["zscore(20)", "log_return(1)"], ["log_return(1)"], [trend, other_trend]],
)
def test_other_features_than_those_of_the_training_are_refused(others):
    """Of the same number, too: nothing else would show that the agent sees what it has not learnt."""
    agent = agent_of(make())
    with pytest.raises(StrategyError, match=r"agent was trained on others: log_return\(1\), zscore\(20\)"):
        prepared(agent, features=others)


def test_a_gap_after_the_warm_up_is_refused_by_symbol_and_time():
    agent = agent_of(make())
    columns = [np.array(getattr(BARS, name)) for name in ("open", "high", "low", "close", "volume")]
    for column in columns:
        column[200, 1] = np.nan
    holed = Bars.from_arrays(BARS.timestamps, *columns, symbols=["A", "B"])
    with pytest.raises(FeatureError, match=r"AgentStrategy: the feature 'log_return\(1\)' of B is nan at 2000"):
        prepared(agent, holed)
    assert len(prepared(agent, holed, start=260).tables.orders) > 0


# ----------------------------------------------------------------- other agents, other markets


def test_another_number_of_assets_is_refused():
    agent = agent_of(make())
    for bars in (Bars.simulate("gbm", n_bars=300, seed=1), Bars.simulate("gbm", n_bars=300, n_assets=3, seed=1)):
        with pytest.raises(StrategyError, match=r"observes 16 numbers, and these bars of [13] assets give (8|24)"):
            prepared(agent, bars)


def test_an_agent_of_a_task_is_refused():
    env = gymnasium.make("backtester/Sine-v0")
    with pytest.raises(StrategyError, match="trained in 'backtester/Sine-v0', and only a market can be traded"):
        prepared(agent_of(env))


def test_a_table_is_no_network():
    agent = agent_of(make())

    class Table:
        kind = "table"

    agent.policy = Table()
    with pytest.raises(StrategyError, match="policy of kind 'table' does not run in the engine, only networks"):
        prepared(agent)


@pytest.mark.parametrize("agent", [None, 3, {"policy": 1}])
def test_what_is_no_agent_is_refused(agent):
    with pytest.raises(StrategyError, match="must be an Agent or the path of a bundle, found"):
        prepared(agent)


def test_a_path_without_a_bundle_is_refused(tmp_path):
    with pytest.raises(BacktesterError, match=r"no manifest\.json"):
        prepared(tmp_path)


def test_too_few_bars_for_a_window_are_refused():
    agent = agent_of(make())
    with pytest.raises(FeatureError, match="no bar at which all features of all assets are finite"):
        prepared(agent, BARS[:15])


def test_a_commission_that_was_a_function_is_asked_for_and_not_needed_by_the_agent():
    def commission(price, quantity):
        return 0.01 * quantity

    agent = agent_of(make(costs=Costs(commission=commission)))
    with pytest.raises(SettingsError, match="which no file keeps"):
        _ = AgentStrategy(agent=agent).settings
    assert len(run(AgentStrategy(agent=agent), BARS, costs=Costs(commission=commission)).fills) > 5
