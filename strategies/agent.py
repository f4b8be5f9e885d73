"""A trained agent as a strategy: what it learnt in an environment, traded by the engine.

The engine runs the agent's own observation, network and orders as machine code: the functions are those of the
environment, so that a backtest makes the fills the environment makes, bit for bit. A million bars take seconds.

Source: Sutton, Barto, "Reinforcement Learning: An Introduction", 2018 (what a policy is).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester import Account, Bars, Costs, Execution, Strategy
from backtester.bars.slices import rows
from backtester.errors import SettingsError, StrategyError
from backtester.kernel.act import Scheme, act_continuous, act_discrete, act_orders, act_units, act_weights
from backtester.kernel.observe import observation_size, observe_account, observe_market
from backtester.research.walk_forward import Trained
from backtester.strategy import constant
from envs.agents.agent import Agent
from envs.agents.describe import digest_of
from envs.agents.forward import act_box, first_largest, mlp_forward
from envs.agents.policy import MLPPolicy
from envs.trading.observation import as_features, check_whole, observed_panel
from envs.trading.rebuild import settings_from
from envs.trading.settings import TradingSettings

if TYPE_CHECKING:
    from backtester.engine.settings import Settings

DISCRETE, CONTINUOUS, WEIGHTS = int(Scheme.DISCRETE), int(Scheme.CONTINUOUS), int(Scheme.WEIGHTS)
UNITS = int(Scheme.UNITS)


class AgentStrategy(Strategy):
    """Trades as an agent trained in `backtester/Trading-v0` would, with its best action at every bar.

    Parameters
    ----------
    agent : Agent or path
        The agent, or the directory of its bundle.
    features : Features, optional
        Needed where the agent's cannot be rebuilt from their specification: functions of your own script, arrays.
    start : int, date or time, optional
        The first bar at which it acts, such as the beginning of a test range; by default the first at which its
        window is full.

    Notes
    -----
    The costs of a run are those given to `run`; `settings` has those of the training: `run(strategy, bars,
    **strategy.settings)`. The environment opens its account at the bar where the episode begins, a backtest at bar 0:
    so an interest on idle cash before the first trade is the one thing that differs between them.

    Examples
    --------
    >>> run(AgentStrategy(agent="agents/trend"), Bars.sample("sp500"))        # doctest: +SKIP
    """

    agent: Any
    features: Any = None
    start: Any = None

    @property
    def settings(self) -> dict[str, Any]:
        """Cash, costs, account and execution of the training, as keywords of `run`."""
        made = _settings_of(self._trained(), self.features)
        return {name: made[name] for name in ("cash", "costs", "account", "execution")}

    def prepare(self, bars: Bars) -> None:
        agent = self._trained()
        made = _settings_of(agent, self.features, **_MARKET)
        policy = agent.policy
        if not isinstance(policy, MLPPolicy):
            raise StrategyError(
                f"AgentStrategy: a policy of kind {policy.kind!r} does not run in the engine, only networks do (PPO, "
                "A2C, DQN, SAC, REINFORCE); evaluate it in its environment"
            )
        settings = TradingSettings(bars=bars, **made)
        features = settings.features
        raw = features.compute(bars)
        panel = observed_panel(raw, None if settings.scaler == "none" else settings.scaler, settings.clip)
        codes = settings.account_codes
        size = observation_size(settings.window, panel.shape[1], codes, bars.n_assets)
        if size != agent.observation_space.shape[0]:
            raise StrategyError(
                f"AgentStrategy: the agent observes {agent.observation_space.shape[0]} numbers, and these bars of "
                f"{bars.n_assets} assets give {size}; it was trained on another number of assets"
            )
        self.panel = panel
        self.window = settings.window
        self.account_features = np.array(codes, np.int64)
        self.clip = float(settings.clip)
        self.peak = 0.0
        self.observation = constant(np.zeros(size, np.float32))
        self._prepare_network(policy)
        self._prepare_actions(settings, bars.n_assets)
        first = features.warmup(raw) + settings.window - 1
        self.warmup = max(first, rows(bars, slice(self.start, None)).start)
        check_whole("AgentStrategy", panel, features, bars, self.warmup - settings.window + 1, bars.n_bars)

    def _prepare_network(self, policy: MLPPolicy) -> None:
        self.parameters_ = constant(policy.parameters)
        self.sizes = constant(policy.sizes)
        self.activation = policy.activation_code
        self.squash = policy.head == "squashed"
        self.scratch = constant(np.zeros(2 * int(policy.sizes.max()), np.float32))
        self.outputs = constant(np.zeros(int(policy.sizes[-1]), np.float32))

    def _prepare_actions(self, settings: TradingSettings, n_assets: int) -> None:
        self.scheme = int(Scheme[settings.actions.upper()])
        self.exposures = constant(np.array(settings.exposures, np.float64))
        self.low, self.high = float(min(settings.exposures)), float(max(settings.exposures))
        self.lowest = constant(np.full(n_assets, -1.0))
        self.highest = constant(np.full(n_assets, 1.0))
        self.band = float(settings.band or 0.0)
        self.fraction = float(settings.order_fraction or 0.0)
        self.limit_offset = float(settings.limit_offset or 0.0)
        self.stop_loss = float(settings.stop_loss or 0.0)
        self.take_profit = float(settings.take_profit or 0.0)
        self.choices = constant(np.zeros(n_assets, np.int64))
        self.last = constant(np.full(n_assets, -1))
        self.weights = constant(np.zeros(n_assets))

    def on_bar(self, ctx: Any) -> None:
        self.peak = max(self.peak, ctx.equity)
        at = observe_market(self.panel, ctx.t, self.window, self.observation)
        observe_account(ctx, self.account_features, self.peak, self.clip, self.observation, at)
        if self.scheme == CONTINUOUS or self.scheme == WEIGHTS:
            act_box(
                self.parameters_, self.sizes, self.activation, self.squash, self.lowest, self.highest,
                self.observation, self.scratch, self.outputs,
            )  # fmt: skip
            if self.scheme == CONTINUOUS:
                act_continuous(ctx, self.outputs, self.low, self.high, self.band)
            else:
                act_weights(ctx, self.outputs, self.low, self.high, self.band, self.weights)
            return
        mlp_forward(self.parameters_, self.sizes, self.activation, self.observation, self.scratch, self.outputs)
        n = self.outputs.shape[0] // ctx.n_assets
        for a in range(ctx.n_assets):
            self.choices[a] = first_largest(self.outputs, n * a, n * a + n)
        if self.scheme == DISCRETE:
            act_discrete(ctx, self.choices, self.exposures, self.last)
        elif self.scheme == UNITS:
            act_units(ctx, self.choices, self.exposures, self.last)
        else:
            act_orders(ctx, self.choices, self.fraction, self.limit_offset, self.stop_loss, self.take_profit)

    def _trained(self) -> Agent:
        """Return the agent, loaded and of a market."""
        agent = self.agent
        if isinstance(agent, (str, Path)):
            agent = Agent.load(agent)
        if not isinstance(agent, Agent):
            raise StrategyError(f"AgentStrategy: agent must be an Agent or the path of a bundle, found {agent!r}")
        env_id = agent.environment.get("id", "")
        if not env_id.startswith("backtester/Trading-"):
            raise StrategyError(f"AgentStrategy: the agent was trained in {env_id!r}, and only a market can be traded")
        return agent


@dataclass(frozen=True)
class AgentTrainer:
    """Trains an agent in an environment of the training window, and trades as it would in the bars after them.

    It is handed to `walk_forward` in the place of a strategy. Cash, costs, account and execution of the environment are
    those of the walk.

    Parameters
    ----------
    algo : str
        "ppo", "a2c", "dqn", "sac" or "reinforce": `envs.agents.train`.
    total_timesteps : int
    environment : mapping
        Further settings of `backtester/Trading-v0`: `features`, `window`, `actions`, `exposures`, `reward`, …
    training : mapping
        Further keywords of `train`: `n_envs`, `hyperparameters`.

    Raises
    ------
    SettingsError
        A keyword that the walk or the trainer itself sets.

    Examples
    --------
    >>> trainer = AgentTrainer("ppo", 100_000, environment={"window": 4})    # doctest: +SKIP
    >>> walk_forward(trainer, bars, train=1_000, test=250)                   # doctest: +SKIP
    """

    algo: str
    total_timesteps: int
    environment: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, given, taken in (
            ("environment", self.environment, ("bars", "start", "end", *_OF_THE_WALK)),
            ("training", self.training, ("seed", "total_timesteps", "checkpoint_dir", "resume", "log_dir")),
        ):
            for one in given:
                if one in taken:
                    raise SettingsError(
                        f"AgentTrainer: {name} has {one!r}, which is not set here: it is the walk's, or would be the "
                        "same for every fold"
                    )

    def train_fold(self, bars: Bars, settings: Settings, seed: int) -> Trained:
        """Return what an agent learnt from `bars` with `seed`, under the costs and the account of `settings`.

        Raises
        ------
        TrainingError
            As `envs.agents.train` does.
        """
        from envs.agents.train import train

        market = {name: getattr(settings, name) for name in _OF_THE_WALK}
        asked = {"bars": bars, **market, **self.environment}
        agent = train(
            self.algo,
            ("backtester/Trading-v0", asked),
            total_timesteps=self.total_timesteps,
            seed=seed,
            **{"progress": False, **self.training},
        )
        features = self.environment.get("features")
        after, inside = (AgentStrategy(agent=agent, features=features) for _ in range(2))
        return Trained(strategy=after, in_sample=inside)


#: settings of an environment that a walk has too
_OF_THE_WALK = ("cash", "costs", "account", "execution")


def _settings_of(agent: Agent, features: Any, **given: Any) -> dict[str, Any]:
    """Return the settings of an agent's environment as keywords, with features that are those of the training."""
    specs = [None if part is None else part["spec"] for part in (agent.features, agent.scaler)]
    if features is not None:
        given["features"] = found = as_features(features)
        if agent.features is not None and digest_of(found.spec()) != agent.features["digest"]:
            names = ", ".join(str(one.get("name") or one.get("names")) for one in agent.features["spec"]["features"])
            raise StrategyError(
                f"AgentStrategy: features= are {', '.join(found.names)}, and the agent was trained on others: {names}, "
                "with the settings and functions in agent.features['spec']; give those, or leave features= out"
            )
    return settings_from(agent.environment["settings"], *specs, **given, **_UNUSED)


#: settings of an environment that mean nothing to a backtest
_UNUSED = {"start": None, "end": None, "episode_length": None, "reward": "log_wealth"} | dict.fromkeys(
    ("sharpe_decay", "risk_aversion", "drawdown_penalty")
)
#: … and those that are the run's own
_MARKET = {"costs": Costs(), "account": Account(), "execution": Execution()}
