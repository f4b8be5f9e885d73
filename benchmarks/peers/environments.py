"""Other libraries' trading environments, and gymnasium's CartPole.

`python -m benchmarks.peers.environments --library …` prints one line of JSON: the rate of one environment, or with
`--n` of n in a vector (gymnasium's `SyncVectorEnv`, which steps them one after the other; EnvPool's own for its
CartPole), and what that vector holds in memory. Each is used as its documentation shows. An import that fails is an
answer.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.env.clock import Steps, rates
from benchmarks.env.market import CASH, COMMISSION, EPISODE_STEPS, EXPOSURES, WINDOW, actions, features, simulate
from benchmarks.memory import resident_mb

_STOCKS, _INDICATORS, _SHARES = 30, 8, 100


@dataclass(frozen=True)
class Peer:
    """A library: its distribution, in what its work differs, and what makes an environment of so many bars."""

    distribution: str
    note: str
    build: Callable[[int], Callable[[], Any]]
    pool: Callable[[int], Any] | None = None


def _frame(n_bars: int) -> Any:
    import pandas as pd

    market, panel = simulate(n_bars), features(n_bars)
    names = ("open", "high", "low", "close", "volume")
    frame = pd.DataFrame(
        {name: getattr(market, name) for name in names}, pd.DatetimeIndex(market.timestamps.view("M8[ns]"))
    )
    for k in range(panel.shape[1]):
        frame[f"feature_{k}"] = panel[:, k]
    return frame


def _anytrading(n_bars: int) -> Callable[[], Any]:
    from gym_anytrading.envs import StocksEnv

    frame = _frame(n_bars).rename(columns={"close": "Close"})
    columns = [name for name in frame.columns if name.startswith("feature")]

    class Featured(StocksEnv):
        def _process_data(self) -> tuple[np.ndarray, np.ndarray]:
            return self.df["Close"].to_numpy(np.float32), self.df[columns].to_numpy(np.float32)

    return lambda: Featured(frame, WINDOW, (WINDOW, len(frame)))


def _trading_env(n_bars: int) -> Callable[[], Any]:
    from gym_trading_env.environments import TradingEnv

    warnings.resetwarnings()  # its import turns warnings into errors
    warnings.simplefilter("ignore")
    frame = _frame(n_bars)
    settings = {"windows": WINDOW, "positions": list(EXPOSURES), "trading_fees": COMMISSION, "verbose": 0}
    settings |= {"portfolio_initial_value": CASH, "max_episode_duration": EPISODE_STEPS, "initial_position": 0.0}
    return lambda: TradingEnv(df=frame, **settings)


def _finrl(n_bars: int) -> Callable[[], Any]:
    """30 stocks; its file is loaded by itself, as the package loads brokers' libraries."""
    import pandas as pd

    spec = importlib.util.find_spec("finrl")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("No module named 'finrl'")
    path = Path(spec.submodule_search_locations[0]) / "meta" / "env_stock_trading" / "env_stocktrading.py"
    file = importlib.util.spec_from_file_location("finrl_stocks", path)
    if file is None or file.loader is None:
        raise ImportError("finrl has no env_stocktrading")
    module = importlib.util.module_from_spec(file)
    file.loader.exec_module(module)
    rng = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (n_bars, _STOCKS)), axis=0))
    day = np.repeat(np.arange(n_bars), _STOCKS)
    frame = pd.DataFrame({"date": day, "tic": np.tile(np.arange(_STOCKS), n_bars), "close": close.ravel()}, index=day)
    indicators = [f"indicator_{k}" for k in range(_INDICATORS)]
    for name in indicators:
        frame[name] = rng.standard_normal(len(frame))
    settings: dict[str, Any] = {
        "stock_dim": _STOCKS, "hmax": _SHARES, "initial_amount": CASH, "num_stock_shares": [0] * _STOCKS,
        "buy_cost_pct": [COMMISSION] * _STOCKS, "sell_cost_pct": [COMMISSION] * _STOCKS, "reward_scaling": 1e-4,
        "state_space": 1 + (2 + _INDICATORS) * _STOCKS, "action_space": _STOCKS, "tech_indicator_list": indicators,
        "print_verbosity": 10**9,
    }  # fmt: skip
    return lambda: module.StockTradingEnv(df=frame, **settings)


def _cartpole(n_bars: int) -> Callable[[], Any]:
    import gymnasium

    return lambda: gymnasium.make("CartPole-v1").unwrapped


def _envpool(n: int) -> Any:
    import envpool

    return envpool.make("CartPole-v1", env_type="gymnasium", num_envs=n)


PEERS = {
    "gym-anytrading": Peer("gym-anytrading", "long or short at the close it has seen; no account", _anytrading),
    "Gym-Trading-Env": Peer("gym-trading-env", "fills at the close it has seen", _trading_env),
    "FinRL": Peer("finrl", "30 stocks, 8 indicators of the last day", _finrl),
    "gymnasium CartPole": Peer("gymnasium", "no market: four numbers", _cartpole),
    "EnvPool CartPole": Peer("envpool", "no market: four numbers; C++ with threads", _cartpole, _envpool),
}


def _drawn(space: Any, n: int) -> list[Any]:
    """Actions in a space: for one environment, or [n]."""
    if hasattr(space, "n"):
        rows = actions(n, int(space.n))
        return rows[:, 0].tolist() if n == 1 else list(rows)
    rng = np.random.default_rng(4)
    return list(rng.uniform(-1.0, 1.0, (64, *space.shape)).astype(np.float32))


def _one_by_one(env: Any) -> Steps:
    row = _drawn(env.action_space, 1)
    env.reset(seed=0)

    def take(steps: int) -> None:
        for k in range(steps):
            _, _, terminated, truncated, _ = env.step(row[k % len(row)])
            if terminated or truncated:
                env.reset()

    return take


def _vector(env: Any, n: int, space: Any) -> Steps:
    rows = _drawn(space, n)
    env.reset()

    def take(steps: int) -> None:
        for k in range(steps):
            env.step(rows[k % len(rows)])

    return take


def measure(library: str, n: int, n_bars: int, seconds: float, runs: int) -> dict[str, Any]:
    """The rate of one environment (n = 1) or of n, and the memory n of them hold above the data."""
    peer = PEERS[library]
    started = time.perf_counter()
    build = peer.build(n_bars)
    first = build()
    before = resident_mb()
    if n == 1:
        take = _one_by_one(first)
    elif peer.pool is not None:
        take = _vector(peer.pool(n), n, first.action_space)
    else:
        from gymnasium.vector import SyncVectorEnv

        take = _vector(SyncVectorEnv([build] * n), n, first.action_space)
    take(1)
    cold = time.perf_counter() - started
    found = rates({library: take}, n, seconds, runs)[library]
    return {
        "version": version(peer.distribution),
        "note": peer.note,
        "bars": n_bars,
        "cold_seconds": cold,
        "rates": found,
        "held_mb": resident_mb() - before,
    }


def main() -> None:
    """Read the request, print the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", choices=list(PEERS), required=True)
    parser.add_argument("--n", type=int, default=1)
    parser.add_argument("--bars", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            answer = measure(asked.library, asked.n, asked.bars, asked.seconds, asked.runs)
    except ImportError as error:
        answer = {"absent": str(error)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
