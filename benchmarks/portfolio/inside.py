"""The floor and our engine, interleaved in one process: `python -m benchmarks.portfolio.inside --workload P1`.

One line of JSON, as `benchmarks.inside` has it. A grid (P3) has `--assets` and `--orders`, and its bars are divided by
the assets, so that every grid sees the same number of prices.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.memory import peak_above
from benchmarks.peers.protocol import timed
from benchmarks.portfolio import floor
from benchmarks.portfolio.market import (
    CASH,
    COMMISSION,
    GRID_BARS,
    GRID_CASH,
    GRID_COMMISSION,
    GRID_STEP,
    INVESTED,
    LOOKBACK,
    TOP,
    Panel,
    decision_days,
    simulate_minutes,
    small_and_full,
    target_weights,
)

SMALL_GRID_BARS = 2_000


def markets(workload: str, bars: int, n_assets: int) -> tuple[Panel, Panel]:
    """The market of the cold calls, and the one that is measured."""
    if workload == "P3":
        return simulate_minutes(SMALL_GRID_BARS, n_assets), simulate_minutes(bars // n_assets, n_assets)
    return small_and_full(bars, 0)


def floor_call(workload: str, panel: Panel, n_orders: int) -> Callable[[], tuple[np.ndarray, int]]:
    """The hand-written loop with its arguments."""
    if workload == "P3":
        prices = (panel.open, panel.high, panel.low, panel.close)
        return lambda: floor.grid(*prices, n_orders, GRID_STEP, GRID_CASH, GRID_COMMISSION)
    decided = decision_days(panel.timestamps, workload)
    top = TOP if workload == "P1" else 0
    return lambda: floor.rebalance(panel.open, panel.close, decided, LOOKBACK, top, INVESTED, CASH, COMMISSION)


def measure(workload: str, bars: int, n_assets: int, n_orders: int, runs: int) -> dict[str, Any]:
    """Times of the floor and of ours: the loop alone, `run`, and `run` with the metrics."""
    from benchmarks.portfolio import ours

    parameters = {"n_orders": n_orders} if workload == "P3" else {}
    small, panel = markets(workload, bars, n_assets)
    _, floor_cold = timed(floor_call(workload, small, n_orders))
    _, cold = timed(lambda: ours.whole_seconds(workload, ours.load(small), **parameters)[0].metrics)
    hand_written = floor_call(workload, panel, n_orders)
    equity, n_fills = hand_written()
    data = ours.load(panel)
    (_, result), peak_mb = peak_above(lambda: _with_metrics(ours, workload, data, parameters))
    answer = {
        "cold_seconds": cold,
        "peak_mb": peak_mb,
        "final_equity": float(result.tables.equity[-1]),
        "n_fills": len(result.tables.fills),
        "n_orders": len(result.tables.orders),
    }
    del result
    seconds: list[float] = []
    times: dict[str, list[float]] = {"kernel": [], "run": [], "whole": []}
    for _ in range(runs):
        seconds.append(timed(hand_written)[1])
        times["kernel"].append(ours.kernel_seconds(workload, data, **parameters))
        (run_seconds, whole_seconds), _ = _with_metrics(ours, workload, data, parameters)
        times["run"].append(run_seconds)
        times["whole"].append(whole_seconds)
    return {
        "bars": len(panel),
        "floor": {
            "cold_seconds": floor_cold,
            "kernel_seconds": seconds,
            "final_equity": float(equity[-1]),
            "equity_at_head": float(equity[-1]),
            "n_fills": n_fills,
            "market_mb": panel.nbytes / 1e6,
            "sized_at_the_open": _sized_at_the_open(workload, panel),
        },
        "ours": {**answer, **{f"{name}_seconds": values for name, values in times.items()}},
    }


def _with_metrics(ours: Any, workload: str, data: Any, parameters: dict[str, Any]) -> tuple[tuple[float, float], Any]:
    """Seconds of `run`, seconds of `run` and metrics, and the result."""
    result, seconds = ours.whole_seconds(workload, data, **parameters)
    _, metrics_seconds = timed(lambda: result.metrics)
    return (seconds, seconds + metrics_seconds), result


def _sized_at_the_open(workload: str, panel: Panel) -> float | None:
    """What bt's rule for quantities makes of P1; see `floor.sized_at_the_open`."""
    if workload != "P1":
        return None
    weights = target_weights(panel.close, decision_days(panel.timestamps, workload), workload)
    return floor.sized_at_the_open(panel.open, panel.close, weights, CASH, COMMISSION)


def main() -> None:
    """Read the request, print the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", default="P1")
    parser.add_argument("--bars", type=int, default=GRID_BARS)
    parser.add_argument("--assets", type=int, default=1)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--runs", type=int, default=11)
    request = parser.parse_args()
    found = measure(request.workload, request.bars, request.assets, request.orders, request.runs)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
