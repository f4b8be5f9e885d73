"""What a set of a sweep costs, by the number of bars, and to write down: `python -m benchmarks.sweep.lengths`.

The cost model of docs/sweeps.md. One thread and one per core take turns; a set is one of the SMA pairs of S1.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated
from unittest.mock import patch

import typer
from rich.console import Console

from backtester.research.sweep.objective import metric_names
from backtester.research.sweep.store import Store
from backtester.research.sweep.trials import N_BLOCKS, Outcome
from backtester.trials import Ledger, ledger_path
from backtester.trials.record import SweepRecorder
from benchmarks import ours, table
from benchmarks.peers.protocol import timed
from benchmarks.sections import Row, Section
from benchmarks.sweep.beside import VARIABLE
from benchmarks.sweep.grids import grid
from benchmarks.sweep.inside import sweep_call
from benchmarks.workloads import simulate

LENGTHS = (500, 2_500, 10_000, 50_000)
RUNS = 11


def by_length(lengths: tuple[int, ...], runs: int) -> Section:
    """Microseconds a set with one thread, and with one per core."""
    found = Section("lengths", f"a set of S1's 1,000 pairs, without a ledger; × = one thread, {lengths[0]:,} bars")
    base = None
    for n_bars in lengths:
        market, dimensions = simulate(n_bars), grid("S1", quick=False)
        calls = {
            name: sweep_call("S1", market, dimensions, n) for name, n in (("one thread", 1), ("a thread a core", None))
        }
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for run in range(-1, runs):  # the first of each compiles
            for name, call in calls.items():
                (sweep, _), spent = timed(call)
                if run >= 0:
                    seconds[name].append(1e6 * spent / sweep.trials)
        for name, values in seconds.items():
            row = Row(f"{n_bars:,} bars, {name}", "µs", tuple(values))
            base = base or row.median
            found.rows.append(Row(row.engine, row.unit, row.values, (row.median or 0.0) / (base or 1.0)))
    return found


def at_the_caller(n: int, runs: int) -> Section:
    """Microseconds a set that the process which calls `sweep` spends on writing it down; all must be there."""
    found = Section("caller", f"to write a set down, of {n:,} at once, one in four with a sketch")
    metrics, sums, sketch = bytes(8 * len(metric_names())), bytes(8 * (1 + 2 * N_BLOCKS)), bytes(1034)
    bars = ours.load(simulate(500))
    seconds: dict[str, list[float]] = {"store": [], "trial ledger": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ, {VARIABLE: str(Path(folder) / "trials.db")}),
    ):
        store = Store(Path(folder) / "sweeps.db")
        sweep = store.sweep("0" * 40, "SmaCross", {})
        recorder = SweepRecorder(ours.SmaCross, bars, {}, ("fast", "slow"))
        for run in range(-1, runs):
            numbers = range((run + 1) * n, (run + 2) * n)
            outcomes = [Outcome(k, (k, 0), (1.0,), metrics, "", sums) for k in numbers]
            trials = [((k, 0), 1.0, b"" if k % 4 else sketch) for k in numbers]
            work: dict[str, Callable[[], object]] = {
                "store": partial(store.add, sweep, outcomes, 1.0),
                "trial ledger": partial(recorder.add, trials),
            }
            for name, call in work.items():
                begun = time.thread_time()
                call()
                if run >= 0:
                    seconds[name].append(1e6 * (time.thread_time() - begun) / n)
        there = store.count(sweep, (runs + 1) * n)[0], sum(row.trials for row in Ledger(ledger_path() or Path()).rows())
        store.close()
    if there != ((runs + 1) * n, (runs + 1) * n):
        raise RuntimeError(f"of {(runs + 1) * n:,} sets {there[0]:,} are in the store and {there[1]:,} in the ledger")
    found.rows.extend(Row(name, "µs", tuple(values)) for name, values in seconds.items())
    return found


def main(
    quick: Annotated[bool, typer.Option(help="Short markets and few runs: to see that it works.")] = False,
    write: Annotated[bool, typer.Option(help="Write benchmarks/results/sweep.lengths.md and .json.")] = False,
) -> None:
    """Measure and print one table."""
    runs = 2 if quick else RUNS
    with patch.dict(os.environ, {VARIABLE: "off"}):
        found = [by_length(LENGTHS[:2] if quick else LENGTHS, runs), at_the_caller(250, runs)]
    table.show(found, Console(width=max(Console().width, 160)), "sweep.lengths")
    if write:
        table.write(found, "sweep.lengths")


if __name__ == "__main__":
    typer.run(main)
