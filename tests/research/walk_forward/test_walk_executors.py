"""The same walk, byte for byte, whoever does the work; Ray is tried in `test_executors`, where there is one."""

from __future__ import annotations

import pytest
from walkers import BARS, Sways

from backtester import Costs, walk_forward
from backtester.executors import Processes, Threads

SPACE = {"step": [0.002, 0.005, 0.008], "size": [0.2, 0.5]}


def bytes_of(test=130, **given):
    found = walk_forward(Sways, BARS, SPACE, train=150, test=test, costs=Costs(commission=0.001), store=None, **given)
    told = found.folds.to_csv(float_format=lambda x: float(x).hex()) + found.result.fills.to_csv()
    return told.encode() + found.result.tables.equity.tobytes() + found.result.tables.orders.tobytes()


def test_threads_give_the_same_bytes():
    assert bytes_of(executor=Threads(3)) == bytes_of(workers=1)


def test_processes_give_the_same_bytes():
    """In one fold, because every sweep has processes of its own."""
    assert bytes_of(test=250, executor=Processes(1)) == bytes_of(test=250, workers=1)


def test_tpe_gives_the_same_bytes_for_any_number_of_workers():
    pytest.importorskip("optuna")
    given = {"method": "tpe", "n_trials": 4, "batch": 2}
    assert bytes_of(workers=1, **given) == bytes_of(workers=3, **given)
