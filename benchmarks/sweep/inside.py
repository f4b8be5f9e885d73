"""The floor and our sweep, interleaved in one process: `python -m benchmarks.sweep.inside --workload S1`.

One line of JSON. Both use every core. Our time is that of `sweep` and, but for S2, its table; what it writes goes to a
temporary store. Every final equity is compared with the floor's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from backtester import sweep
from benchmarks import ours
from benchmarks.memory import peak_above
from benchmarks.peers.protocol import timed
from benchmarks.sweep import floor
from benchmarks.sweep.grids import BARS, grid, points
from benchmarks.workloads import CASH, COMMISSION, TAKE_PROFIT, WARM_UP_BARS, Market, simulate


def floor_call(workload: str, market: Market, sets: np.ndarray) -> Callable[[], np.ndarray]:
    """The hand-written loop with its arguments."""
    if workload == "S3":
        prices = (market.open, market.high, market.low, market.close)
        return lambda: floor.brackets(*prices, sets, CASH, COMMISSION, TAKE_PROFIT)
    return lambda: floor.crosses(market.open, market.close, sets, CASH, COMMISSION)


def sweep_call(workload: str, market: Market, dimensions: dict[str, Any], workers: int | None) -> Callable[[], Any]:
    """Our sweep with its arguments; it returns the sweep, and its table where one is asked for."""
    strategy = ours.SmaBracket if workload == "S3" else ours.SmaCross
    bars = ours.load(market)
    settings = {**ours.SETTINGS, "store": None, "workers": workers, "progress": False, "objective": "total_return"}

    def call() -> Any:
        found = sweep(strategy, bars, **dimensions, **settings)
        return found, None if workload == "S2" else found.table

    return call


def measure(workload: str, quick: bool, runs: int, workers: int | None) -> dict[str, Any]:
    """Times of the floor and of ours, memory of ours, and how far the final equities are apart."""
    dimensions = grid(workload, quick)
    sets = points(dimensions)
    small, market = simulate(WARM_UP_BARS), simulate(BARS)
    first = {name: values[:2] for name, values in dimensions.items()}
    _, floor_cold = timed(floor_call(workload, small, points(first)))
    _, cold = timed(sweep_call(workload, small, first, workers))
    by_hand, mine = floor_call(workload, market, sets), sweep_call(workload, market, dimensions, workers)
    final = by_hand()
    (found, table), peak_mb = peak_above(mine)
    table = found.table if table is None else table
    apart = float(np.max(np.abs(table["final_equity"].to_numpy() / final - 1.0)))
    trials = found.trials
    del found, table
    hand_seconds, seconds = [], []
    for _ in range(runs):
        hand_seconds.append(timed(by_hand)[1])
        seconds.append(timed(mine)[1])
    return {
        "trials": trials,
        "bars": BARS,
        "floor": {"seconds": hand_seconds, "cold_seconds": floor_cold},
        "ours": {"seconds": seconds, "cold_seconds": cold, "peak_mb": peak_mb, "apart": apart},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--workers", type=int)
    asked = parser.parse_args()
    print(json.dumps(measure(asked.workload, asked.quick, asked.runs, asked.workers)))
