"""The floor and our environment, interleaved in one process: `python -m benchmarks.env.inside --work one`.

One line of JSON. `one` is a single environment, `many` N of them in one call, `memory` what N of them hold on a long
market, in a process that does nothing else.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from benchmarks.env.clock import Steps, rates
from benchmarks.env.floor import Floor
from benchmarks.env.market import EPISODE_STEPS, EXPOSURES, Market, actions, features, simulate
from benchmarks.memory import peak_above, resident_mb
from benchmarks.peers.protocol import timed

COMPARED_ENVS = 64
COMPARED_STEPS = 3 * EPISODE_STEPS - 100  # ends in the middle of an episode
SMALL_BARS = 2_000


def one_by_one(env: Any) -> Steps:
    """Steps of a `gymnasium.Env`, which is reset when an episode ends."""
    row = actions(1, len(EXPOSURES))[:, 0].tolist()
    env.reset(seed=0)

    def take(steps: int) -> None:
        for k in range(steps):
            _, _, terminated, truncated, _ = env.step(row[k % len(row)])
            if terminated or truncated:
                env.reset()

    return take


def all_at_once(env: Any, n: int) -> Steps:
    """Steps of whatever moves n environments with one call of `step`."""
    rows = actions(n, len(EXPOSURES))

    def take(steps: int) -> None:
        for k in range(steps):
            env.step(rows[k % len(rows)])

    return take


def equities(market: Market, panel: np.ndarray) -> tuple[float, float]:
    """Mean equity of our accounts and of the floor's, after the same actions from the same first bar.

    The floor begins episodes in the step after an end, as ours does, so both are at the same place throughout.
    """
    from benchmarks.env import ours

    core = ours.core(COMPARED_ENVS, ours.settings(market, panel, random_start=False), stagger=False)
    floor = Floor(market, panel, COMPARED_ENVS, random_start=False)
    rows = actions(COMPARED_ENVS, len(EXPOSURES))
    floor.step(rows[0])
    for k in range(COMPARED_STEPS):
        core.step(rows[k % len(rows)])
        floor.step(rows[k % len(rows)])
    return float(core.info()["equity"].mean()), float(floor.equity.mean())


def one(market: Market, panel: np.ndarray, seconds: float, runs: int) -> dict[str, Any]:
    """A single environment, with and without gymnasium's wrappers."""
    from benchmarks.env import ours

    _, cold = timed(lambda: _begin_and_step(market.head(SMALL_BARS), panel[:SMALL_BARS]))
    settings = ours.settings(market, panel)
    made, _ = ours.one(settings)
    _, raw = ours.one(settings)
    floor = Floor(market, panel, 1)
    ways = {"floor": all_at_once(floor, 1), "raw": one_by_one(raw), "made": one_by_one(made)}
    return {"cold_seconds": cold, "rates": rates(ways, 1, seconds, runs), **_compared(market, panel)}


def _begin_and_step(market: Market, panel: np.ndarray) -> None:
    """A first environment, its first reset and its first step: what compiles."""
    from benchmarks.env import ours

    _, raw = ours.one(ours.settings(market, panel))
    raw.reset(seed=0)
    raw.step(0)


def many(market: Market, panel: np.ndarray, n: int, seconds: float, runs: int) -> dict[str, Any]:
    """N environments in one call: bare and through the faces, beside the floor on one thread and on all."""
    from benchmarks.env import ours

    made = ours.settings(market, panel)
    movers = {
        "floor": Floor(market, panel, n),
        "floor, threads": Floor(market, panel, n, threads=True),
        "core, one thread": ours.core(n, made, threads=False),
        "core": ours.core(n, made),
        "gymnasium": ours.vector(n, made),
        "SB3": ours.for_sb3(n, made),
    }
    ways = {name: all_at_once(mover, n) for name, mover in movers.items()}
    return {"n": n, "rates": rates(ways, n, seconds, runs), **_compared(market, panel)}


def _compared(market: Market, panel: np.ndarray) -> dict[str, float]:
    ours, floor = equities(market, panel)
    return {"final_equity": ours, "floor_equity": floor}


def memory(market: Market, panel: np.ndarray, n: int) -> dict[str, Any]:
    """Megabytes that n environments hold, and at most held while they were made, above the data and their panel."""
    from benchmarks.env import ours

    _begin_and_step(simulate(SMALL_BARS), features(SMALL_BARS))  # libraries and machine code are no one's data
    made = ours.settings(market, panel)
    rows = actions(n, len(EXPOSURES))

    def begin_and_step() -> Any:
        env = ours.vector(n, made)
        for row in rows:
            env.step(row)
        return env

    before = resident_mb()
    env, peak_mb = peak_above(begin_and_step)
    panel_mb = env.unwrapped.core.observer.panel.nbytes / 1e6
    held = resident_mb() - before
    return {
        "n": n,
        "bars": len(market),
        "panel_mb": panel_mb,
        "market_mb": sum(array.nbytes for array in vars(market).values()) / 1e6,
        "held_mb": held - panel_mb,
        "peak_mb": None if peak_mb is None else peak_mb - panel_mb,
    }


def main() -> None:
    """Read the request, print the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", default="one", choices=("one", "many", "memory"))
    parser.add_argument("--n", type=int, default=1)
    parser.add_argument("--bars", type=int, default=SMALL_BARS)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    market, panel = simulate(asked.bars), features(asked.bars)
    if asked.work == "one":
        answer = one(market, panel, asked.seconds, asked.runs)
    elif asked.work == "many":
        answer = many(market, panel, asked.n, asked.seconds, asked.runs)
    else:
        answer = memory(market, panel, asked.n)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
