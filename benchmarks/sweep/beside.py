"""What goes with a sweep, each in a process of its own: `python -m benchmarks.sweep.beside --workload ledger`.

One line of JSON. `ledger` is S1 with the trial ledger and without it, in turns that change places, so that a machine
that slows down favours neither; every run has a new ledger, as the first sweep of a project has. `pbo` is the
probability of backtest overfitting of many trials.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory import peak_above
from benchmarks.peers.protocol import timed
from benchmarks.sweep.grids import BARS, grid
from benchmarks.sweep.inside import sweep_call
from benchmarks.workloads import simulate

VARIABLE = "BACKTESTER_TRIALS"
DAYS, TRIALS, BLOCKS = 2_500, 1_000, 16


def ledger(quick: bool, runs: int) -> dict[str, Any]:
    """Seconds of a sweep without the ledger and with it."""
    call = sweep_call("S1", simulate(BARS), grid("S1", quick), None)
    found: dict[str, list[float]] = {"off": [], "on": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(-1, runs):  # the first of each compiles
            turns = (("off", "off"), ("on", str(Path(folder) / f"{number}.db")))
            for kind, where in turns if number % 2 else turns[::-1]:
                os.environ[VARIABLE] = where
                (one, _), seconds = timed(call)
                if number >= 0:
                    found[kind].append(seconds)
        size = sum(path.stat().st_size for path in Path(folder).glob("0.db*"))
    return {**found, "trials": one.trials, "ledger_bytes": size}


def pbo(quick: bool, runs: int) -> dict[str, Any]:
    """Seconds and memory of the probability of backtest overfitting of random returns."""
    from backtester.research.overfitting import pbo as probability

    returns = np.random.default_rng(0).normal(0.0, 0.01, (DAYS, TRIALS // 10 if quick else TRIALS))
    _, cold = timed(lambda: probability(returns[:, :10], BLOCKS))
    found, peak_mb = peak_above(lambda: probability(returns, BLOCKS))
    seconds = [timed(lambda: probability(returns, BLOCKS))[1] for _ in range(runs)]
    return {
        "seconds": seconds,
        "cold_seconds": cold,
        "peak_mb": peak_mb,
        "trials": returns.shape[1],
        "days": DAYS,
        "splits": len(found.logits),
        "probability": found.probability,
    }


WORK = {"ledger": ledger, "pbo": pbo}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", required=True, choices=WORK)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    print(json.dumps(WORK[asked.workload](asked.quick, asked.runs)))
