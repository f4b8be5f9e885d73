"""An episode in the environment is a backtest: the same fills and equity, bit for bit, for every scheme of actions.

The agents are networks with random weights: they trade much, and nobody has chosen them so that the test passes. The
environment is stepped with `Agent.predict`; the strategy computes the same network inside the compiled engine.
"""

import itertools

import gymnasium
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import envs
from backtester import Account, Bars, Costs, Execution, run
from backtester.kernel.act import N_VERBS
from backtester.signals import Features
from envs.agents.agent import Agent
from envs.agents.describe import facts_of_env
from envs.agents.policy import MLPPolicy
from strategies.agent import AgentStrategy

SCHEMES = ("discrete", "units", "continuous", "weights", "orders")
COSTS = Costs(commission=0.001, spread=0.0005, slippage=0.0002, borrow_rate=0.03, debit_rate=0.05, impact=0.1)
MARKETS = {
    "one": lambda: Bars.simulate("gbm", n_bars=700, seed=3),
    "three": lambda: Bars.simulate("gbm", n_bars=700, n_assets=3, seed=5),
    "stocks": lambda: Bars.sample("stocks")["2004-06":"2006"],  # dividends, a split of AAPL, and GOOG comes in between
}
SETTINGS = {
    "plain": {},
    "leveraged": {
        "account": Account(leverage=2.0, maintenance=0.3, lot_size=1.0, tick_size=0.01),
        "exposures": (-2.0, -1.0, 0.0, 1.0, 2.0),
        "execution": Execution(max_participation=0.05, same_bar="nearest"),
        "account_features": ("exposure", "unrealized_pnl", "open_orders", "cash", "drawdown"),
    },
    "late": {
        "execution": Execution(latency_bars=2),
        "account": Account(allow_short=False),
        "exposures": (0.0, 0.5, 1.0),
    },
    "at the close": {"execution": Execution(fill_at="close"), "costs": COSTS},
}


def agent_of(env, seed, head=None):
    """Return an agent with random weights for an environment."""
    facts = facts_of_env(env)
    rng = np.random.default_rng(seed)
    space = env.unwrapped.action_space
    outputs = {"Discrete": lambda: int(space.n), "MultiDiscrete": lambda: int(space.nvec.sum())}
    kind = type(space).__name__
    n_out = outputs[kind]() if kind in outputs else space.shape[0]
    sizes = [env.observation_space.shape[0], 16, 16, n_out]
    layers = [
        (rng.normal(0.0, 1.5 / np.sqrt(i), (o, i)), rng.normal(0.0, 0.3, o)) for i, o in itertools.pairwise(sizes)
    ]
    head = head or ("gaussian" if kind == "Box" else "logits")
    extra = {"log_std": np.zeros(n_out)} if head == "gaussian" else {}
    policy = MLPPolicy(layers, "tanh", head, space, **extra)
    return Agent(
        "ppo",
        policy,
        facts.observation_space,
        facts.action_space,
        facts.environment,
        {"seed": seed},
        facts.features,
        facts.scaler,
        facts.data_hash,
    )


def rollout(env, agent):
    """Play one episode to its end; return the environment's account."""
    observation, _ = env.reset(seed=1)
    ended = False
    while not ended:
        observation, _, terminated, truncated, _ = env.step(agent.predict(observation))
        ended = terminated or truncated
    return env.unwrapped.result()


def make(bars, scheme, record=True, **settings):
    features = Features(["log_return(1)", "zscore(20)"])
    if scheme == "units":  # quantities instead of fractions, of some 100 to 900 units of money each
        settings["exposures"] = tuple(250.0 * x for x in settings.get("exposures", (-1.0, 0.0, 1.0)))
    return gymnasium.make(
        "backtester/Trading-v0", bars=bars, features=features, window=4, actions=scheme, record=record,
        **{"costs": COSTS, **settings},
    )  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_rollout_is_a_backtest(scheme, market, name):
    bars, settings = MARKETS[market](), dict(SETTINGS[name])
    env = make(bars, scheme, **settings)
    agent = agent_of(env, seed=len(market) + len(name))
    played = rollout(env, agent)
    strategy = AgentStrategy(agent=agent)
    result = run(strategy, bars, **strategy.settings, mode="compiled")
    begin = env.unwrapped.core.first
    n = played.bars.n_bars
    assert len(played.tables.fills) > 20
    assert n == bars.n_bars or played.tables.equity[-1] <= 0.0
    if name == "at the close":
        n -= 1  # a backtest acts at its last bar too, and fills at its close; an episode has ended there
    assert_array_equal(result.tables.equity[begin:n], played.tables.equity[begin:n])
    assert before(n, result).tobytes() == before(n, played).tobytes()


def before(n, result):
    """Return the rows of the fills before bar n."""
    return result.tables.fills[result.tables.fills["bar"] < n]


def test_the_squashed_head_of_sac_and_relu_networks_agree_too():
    bars = MARKETS["three"]()
    env = make(bars, "continuous", band=0.05)
    agent = agent_of(env, 11, head="squashed")
    played = rollout(env, agent)
    strategy = AgentStrategy(agent=agent)
    result = run(strategy, bars, **strategy.settings)
    assert result.tables.fills.tobytes() == played.tables.fills.tobytes()


def test_interpreted_and_compiled_agents_are_the_same():
    bars = MARKETS["one"]()
    for scheme in SCHEMES:
        agent = agent_of(make(bars, scheme), 2)
        strategy = AgentStrategy(agent=agent)
        compiled = run(strategy, bars, **strategy.settings, mode="compiled")
        interpreted = run(AgentStrategy(agent=agent), bars, **strategy.settings, mode="interpreted")
        assert compiled.tables.fills.tobytes() == interpreted.tables.fills.tobytes()
        assert_array_equal(compiled.tables.equity, interpreted.tables.equity)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_training_account_that_forgets_is_the_recorded_one(scheme):
    """The vector environment keeps short tables; its equity is that of the recorded episode at every step."""
    bars = MARKETS["three"]()
    recorded = make(bars, scheme)
    vector = gymnasium.make_vec(
        "backtester/Trading-v0", num_envs=3, vectorization_mode="vector_entry_point", bars=bars,
        features=Features(["log_return(1)", "zscore(20)"]), window=4, actions=scheme, costs=COSTS,
        exposures=recorded.unwrapped.core.trading.exposures,
    )  # fmt: skip
    agent = agent_of(recorded, 9)
    one, _ = recorded.reset(seed=1)
    many, _ = vector.reset(seed=1)
    for _ in range(400):
        assert_array_equal(many, np.stack([one] * 3))
        one, reward, *_, info = recorded.step(agent.predict(one))
        many, rewards, *_, infos = vector.step(agent.predict(many))
        assert rewards.tolist() == [reward] * 3
        assert infos["equity"].tolist() == [info["equity"]] * 3
        assert infos["costs"].tolist() == [info["costs"]] * 3


def test_the_exploring_schemes_really_use_all_verbs():
    """Otherwise the comparisons above would say little about brackets and limits."""
    bars = MARKETS["one"]()
    env = make(bars, "orders")
    agent = agent_of(env, 7)
    observation, _ = env.reset(seed=1)
    seen = set()
    for _ in range(600):
        action = agent.predict(observation)
        seen.add(int(action))
        observation, *_ = env.step(action)
    assert len(seen) >= N_VERBS - 2


def test_several_assets_end_an_episode_in_the_face_of_sb3():
    """The position in the info of the end is one number per asset."""
    env = envs.sb3_vec_env(
        "backtester/Trading-v0", 2, seed=0, bars=MARKETS["three"](), episode_length=5, costs=COSTS, window=2,
        features=["log_return(1)"],
    )  # fmt: skip
    env.reset()
    for _ in range(5):
        *_, dones, infos = env.step(np.full((2, 3), 2))
    assert dones.all()
    assert len(infos[0]["position"]) == 3
    assert infos[1]["episode"]["l"] == 5
