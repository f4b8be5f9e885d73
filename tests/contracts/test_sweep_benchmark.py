"""The sweep benchmark's floors are a second implementation of what it measures: run small, they must agree."""

from __future__ import annotations

import numpy as np
import pytest

from backtester.trials.record import SweepRecorder
from benchmarks.sweep.grids import GRIDS, grid, points
from benchmarks.sweep.inside import floor_call, sweep_call
from benchmarks.sweep.lengths import at_the_caller
from benchmarks.workloads import simulate


@pytest.mark.parametrize("workload", ["S1", "S3"])
def test_every_final_equity_is_the_floors(workload):
    dimensions = {name: values[::4][:3] for name, values in grid(workload, quick=False).items()}
    market, sets = simulate(2_000), points(dimensions)
    final = floor_call(workload, market, sets)()
    _, table = sweep_call(workload, market, dimensions, 2)()
    np.testing.assert_allclose(table["final_equity"].to_numpy(), final, rtol=1e-9)
    for place, name in enumerate(dimensions):
        np.testing.assert_array_equal(table[name].to_numpy(), sets[:, place])
    assert (table["n_trades"] > 3).all()


@pytest.mark.parametrize(("workload", "n"), [("S1", 1_000), ("S2", 100_000), ("S3", 1_000)])
def test_grids_have_the_sizes_that_their_words_say(workload, n):
    assert np.prod([len(values) for values in GRIDS[workload].values()]) == n
    sets = points(GRIDS[workload])
    assert (sets[:, 0] < sets[:, 1]).all()


def test_the_caller_is_timed_while_it_writes(monkeypatch):
    store, ledger = at_the_caller(20, 2).rows
    assert [(row.engine, len(row.values)) for row in (store, ledger)] == [("store", 2), ("trial ledger", 2)]
    monkeypatch.setattr(SweepRecorder, "add", lambda self, trials: None)
    with pytest.raises(RuntimeError, match="of 60 sets 60 are in the store and 0 in the ledger"):
        at_the_caller(20, 2)
