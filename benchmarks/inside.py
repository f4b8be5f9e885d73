"""The floor and our engine, interleaved in one process: `python -m benchmarks.inside --workload W1`, one line of JSON.

The machine's speed drifts, so the two take turns (floor, ours, floor, ours, ...), and each is timed at least 11 times.
The first call of each, on 2,000 bars, compiles; it is reported apart. An engine that cannot be imported, or that fails,
is an answer: the floor is measured without it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import floor
from benchmarks.memory import peak_above
from benchmarks.peers.protocol import timed
from benchmarks.workloads import (
    CASH,
    COMMISSION,
    FAST,
    SLOW,
    STOP_LOSS,
    TAKE_PROFIT,
    WARM_UP_BARS,
    Market,
    simulate,
)


def floor_call(workload: str, market: Market) -> Callable[[], tuple[np.ndarray, int]]:
    """The hand-written loop with its arguments."""
    if workload == "W2":
        prices = (market.open, market.high, market.low, market.close)
        return lambda: floor.sma_bracket(*prices, FAST, SLOW, CASH, COMMISSION, STOP_LOSS, TAKE_PROFIT)
    return lambda: floor.sma_cross(market.open, market.close, FAST, SLOW, CASH, COMMISSION)


class Ours:
    """Our engine's half of a measurement; every step is skipped after one that failed."""

    def __init__(self, workload: str, market: Market) -> None:
        self.workload = workload
        self.mode = "interpreted" if workload == "W3" else "compiled"
        self.answer: dict[str, Any] = {}
        self.kernel: list[float] = []
        self.whole: list[float] = []
        self._attempt(lambda: self._begin(market))

    def _attempt(self, step: Callable[[], None]) -> None:
        if "absent" in self.answer or "failed" in self.answer:
            return
        try:
            step()
        except ImportError as error:
            self.answer = {"absent": str(error)}
        except Exception as error:  # the floor's times must outlive whatever the engine does
            self.answer = {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}

    def _begin(self, market: Market) -> None:
        from benchmarks import ours

        self.engine = ours
        warm_up = ours.load(simulate(WARM_UP_BARS))
        _, cold = timed(lambda: ours.whole_seconds(self.workload, warm_up, self.mode))
        if self.mode == "compiled":
            ours.kernel_seconds(self.workload, warm_up)
        self.bars = ours.load(market)
        (result, _), peak_mb = peak_above(lambda: ours.whole_seconds(self.workload, self.bars, self.mode))
        self.answer = {
            "cold_seconds": cold,
            "peak_mb": peak_mb,
            "final_equity": ours.final_equity(result),
            "n_fills": ours.n_fills(result),
        }

    def turn(self) -> None:
        """One timed run of each kind."""
        self._attempt(self._turn)

    def _turn(self) -> None:
        if self.mode == "compiled":
            self.kernel.append(self.engine.kernel_seconds(self.workload, self.bars))
        _, seconds = self.engine.whole_seconds(self.workload, self.bars, self.mode)
        self.whole.append(seconds)

    def result(self) -> dict[str, Any]:
        """Times and figures, or why there are none."""
        if "final_equity" in self.answer:
            return {**self.answer, "kernel_seconds": self.kernel, "whole_seconds": self.whole}
        return self.answer


def measure(workload: str, n_bars: int, runs: int, head: int) -> dict[str, Any]:
    """Floor and ours on one workload; `equity_at_head`: the floor's equity after `head` bars, for a peer cut short."""
    _, cold = timed(floor_call(workload, simulate(WARM_UP_BARS)))
    market = simulate(n_bars)
    hand_written = floor_call(workload, market)
    equity, n_fills = hand_written()
    ours = Ours(workload, market)
    seconds = []
    for _ in range(runs):
        seconds.append(timed(hand_written)[1])
        ours.turn()
    return {
        "floor": {
            "cold_seconds": cold,
            "kernel_seconds": seconds,
            "final_equity": float(equity[-1]),
            "equity_at_head": float(equity[head - 1]),
            "n_fills": n_fills,
            "market_mb": sum(array.nbytes for array in vars(market).values()) / 1e6,
        },
        "ours": ours.result(),
    }


def main() -> None:
    """Read the request, print the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", default="W1")
    parser.add_argument("--bars", type=int, default=WARM_UP_BARS)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--head", type=int, default=0)
    request = parser.parse_args()
    print(json.dumps(measure(request.workload, request.bars, request.runs, request.head)))


if __name__ == "__main__":
    main()
