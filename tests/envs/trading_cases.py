"""Small markets and environments for the tests of `backtester/Trading-v0`, and a strategy that repeats what one did."""

from __future__ import annotations

import gymnasium
import numpy as np

import envs  # noqa: F401, it enters the ids
from backtester import Account, Bars, Costs, Execution, Instrument, Strategy
from backtester.kernel.act import Scheme, act_continuous, act_discrete, act_orders, act_weights
from backtester.signals import Features
from backtester.strategy import constant

ID = "backtester/Trading-v0"
COSTS = Costs(commission=0.001, spread=0.0005, slippage=0.0002, borrow_rate=0.03, debit_rate=0.05, impact=0.1)
SCHEMES = ("discrete", "continuous", "weights", "orders")
ORDERS = {"order_fraction": 0.9, "limit_offset": 0.004, "stop_loss": 0.03, "take_profit": 0.05}


def plain(**settings):
    """Return settings with a cheap observation: the last two log returns, not scaled."""
    return {"features": Features(["log_return(1)"], hold=None), "window": 2, "scaler": "none", **settings}


def single(**settings):
    return gymnasium.make(ID, disable_env_checker=True, **plain(**settings))


def vector(n, **settings):
    return gymnasium.make_vec(ID, num_envs=n, vectorization_mode="vector_entry_point", **plain(**settings))


def priced(*rows, symbols=("ACME",), **columns):
    """Return daily bars of (open, close) per asset; high and low are the larger and the smaller of the two."""
    prices = np.array(rows, np.float64).reshape(len(rows), -1, 2)
    open_, close = prices[:, :, 0], prices[:, :, 1]
    days = np.arange("2024-01-02", np.datetime64("2024-01-02") + len(rows), dtype="M8[D]").astype("M8[ns]")
    return Bars.from_arrays(
        days, open_, np.fmax(open_, close), np.fmin(open_, close), close, symbols=list(symbols), **columns
    )


def walk(n_bars=250, n_assets=1, seed=1, gaps=False, **options):
    """Return a random walk whose opens differ from the closes before; with `gaps`, bars are missing."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.015, (n_bars, n_assets)), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.004, close.shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, 0.01, close.shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, 0.01, close.shape))
    volume = np.floor(rng.uniform(1e5, 1e6, close.shape))
    columns = [open_, high, low, close, volume]
    if gaps:
        missing = rng.random(close.shape) < 0.1
        missing[:5] = False
        columns = [np.where(missing, np.nan, one) for one in columns]
    closes = np.datetime64("2020-01-02") + np.arange(n_bars)  # midnight: the session of row 0 is 2020-01-01
    return Bars.from_arrays(closes.astype("M8[ns]"), *columns, **options)


def events():
    """Return two assets: the first is split and pays dividends, the second is delisted at bar 180."""
    n = 250
    split, dividend, delisting = np.ones((n, 2)), np.zeros((n, 2)), np.full((n, 2), np.nan)
    split[[60, 150], 0] = 3.0, 0.5
    dividend[40::30, 0] = 0.4
    delisting[180, 1] = 20.0
    bars = walk(n, 2, seed=4)
    columns = [np.array(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")]
    factor = np.cumprod(split, axis=0)
    columns = [one / factor for one in columns[:4]] + [columns[4]]
    for one in columns:
        one[180:, 1] = np.nan
    extras = {"split": split, "dividend": dividend, "delisting": delisting}
    return Bars.from_arrays(bars.timestamps, *columns, extras=extras)


def abroad():
    """Return a future in euros, a share in dollars and the price of a euro in dollars, with the account for them."""
    bars = walk(250, 3, seed=6, symbols=["FESX", "ACME", "EURUSD"])
    account = Account(
        currency="USD",
        instruments=[Instrument("FESX", tick_size=0.01, lot_size=1, multiplier=10, currency="EUR", margin=0.08)],
        fx={"EUR": "EURUSD"},
    )
    return bars, account


MARKETS = {
    "one": lambda: {"bars": walk()},
    "three": lambda: {"bars": walk(n_assets=3)},
    "gaps": lambda: {"bars": walk(n_assets=2, gaps=True)},
    "events": lambda: {"bars": events()},
    "abroad": lambda: dict(zip(("bars", "account"), abroad(), strict=True)),
    "limited": lambda: {"bars": walk(seed=5), "account": Account(max_drawdown=0.04, max_gross=0.8)},
    "leveraged": lambda: {
        "bars": walk(seed=8),
        "account": Account(leverage=3.0, maintenance=0.2, lot_size=1.0),
        "exposures": (-3.0, 0.0, 3.0),
    },
    "late": lambda: {"bars": walk(n_assets=2, seed=9), "execution": Execution(latency_bars=2)},
    "close": lambda: {"bars": walk(n_assets=2, seed=9), "execution": Execution(fill_at="close")},
}


class Repeat(Strategy):
    """Act at bar `begin` and after as an environment was told to: `actions`, [n, n_assets]."""

    actions: object
    scheme: int
    begin: int
    exposures: tuple = (-1.0, 0.0, 1.0)

    def prepare(self, bars):
        self.todo = constant(np.array(self.actions, np.float64))
        self.choices = constant(np.zeros(bars.n_assets, np.int64))
        self.known = constant(np.array(self.exposures))
        self.last = constant(np.full(bars.n_assets, -1))
        self.weights = constant(np.zeros(bars.n_assets))
        self.low, self.high = float(min(self.exposures)), float(max(self.exposures))
        self.warmup = self.begin

    def on_bar(self, ctx):
        now = ctx.t - self.begin
        if now >= self.todo.shape[0]:
            return
        action = self.todo[now]
        for a in range(ctx.n_assets):
            self.choices[a] = int(action[a])
        if self.scheme == 0:
            act_discrete(ctx, self.choices, self.known, self.last)
        elif self.scheme == 1:
            act_continuous(ctx, action, self.low, self.high, 0.0)
        elif self.scheme == 2:
            act_weights(ctx, action, self.low, self.high, 0.0, self.weights)
        else:
            act_orders(ctx, self.choices, 0.9, 0.004, 0.03, 0.05)


def number_of(scheme):
    return int(Scheme[scheme.upper()])


def played(env, n, seed=0, stay=0.7):
    """Step a single environment at most n times with random actions that are often repeated; return them and infos."""
    env.action_space.seed(seed)
    rng = np.random.default_rng(seed)
    action = env.action_space.sample()
    actions, infos, rewards, observations = [], [], [], []
    for _ in range(n):
        if rng.random() > stay:
            action = env.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(action)
        actions.append(np.atleast_1d(action))
        infos.append(info)
        rewards.append(reward)
        observations.append(observation)
        if terminated or truncated:
            break
    return np.array(actions), infos, np.array(rewards), np.array(observations)
