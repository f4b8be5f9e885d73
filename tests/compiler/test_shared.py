"""Which strategies write what other runs see too; each way of writing is one class of `shared_cases`."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import shared_cases
from shared_cases import WRITING, AppendsToAListOfTheClass, FillsABuffer, Reads, ReadsMore

import strategies
from backtester import Bars, Strategy, run, stress, sweep, walk_forward
from backtester.compiler import shared
from backtester.compiler.shared import written_beside
from backtester.executors import Threads

SAID = {
    "FillsABuffer": "BUFFER (shared_cases.py:",
    "CountsInTheModule": "the name COUNT (shared_cases.py:",
    "WritesIntoItsParameter": "the parameter weights (shared_cases.py:",
    "WritesIntoADefault": "the default of seen of count (shared_cases.py:",
    "DrawsFromTheGlobalGenerator": "the generator behind np.random.seed (shared_cases.py:",
    "WritesInAMethod": "NOTES (shared_cases.py:",
    "WritesInAHelper": "Helper.notes (shared_cases.py:",
    "Inherits": "in FillsABuffer.prepare)",
}


@pytest.mark.parametrize("kind", WRITING, ids=lambda kind: kind.__name__)
def test_every_way_of_writing_is_found(kind):
    found = written_beside(kind)
    assert found
    assert SAID.get(kind.__name__, "") in found


@pytest.mark.parametrize("kind", [Reads, ReadsMore, *(getattr(strategies, name) for name in strategies.__all__)])
def test_who_only_reads_is_left_alone(kind):
    assert written_beside(kind) == ""


def test_the_line_that_writes_is_named():
    lines = Path(shared_cases.__file__).read_text(encoding="utf-8").splitlines()
    number = 1 + next(k for k, line in enumerate(lines) if "BUFFER[: bars.n_bars] = sma" in line)
    assert written_beside(FillsABuffer) == f"BUFFER (shared_cases.py:{number}, in FillsABuffer.prepare)"


def test_a_long_chain_of_functions_is_read_a_few_times_and_not_once_per_link(tmp_path, monkeypatch):
    rows = ["from backtester import Strategy", "def f0(x):", "    return x"]
    for k in range(1, 200):
        rows += [f"def f{k}(x):", f"    return f{k - 1}(x) + {k}"]
    rows += ["class Deep(Strategy):", "    def on_bar(self, ctx):", "        self.x = f199(1.0)"]
    (tmp_path / "deep_chain.py").write_text("\n".join(rows), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    read, whole = [], shared._Body.read
    monkeypatch.setattr(shared._Body, "read", lambda body: (read.append(body), whole(body)))
    assert written_beside(importlib.import_module("deep_chain").Deep) == ""
    assert 201 <= len(read) <= 3 * 201


def test_code_without_source_writes_where_it_reaches_what_can_be_written():
    space = {"__name__": "hidden", "Strategy": Strategy, "TABLE": [1.0], "FIXED": (1.0,)}
    text = "class Hidden(Strategy):\n    def on_bar(self, ctx):\n        ctx.order(0, {name}[0])\n"
    exec(text.format(name="TABLE"), space)
    assert "TABLE is reached by code whose source is not there" in written_beside(space["Hidden"])
    exec(text.format(name="FIXED"), space)
    assert written_beside(space["Hidden"]) == ""


@pytest.mark.parametrize(("kind", "mode"), [(FillsABuffer, "compiled"), (AppendsToAListOfTheClass, "interpreted")])
def test_in_threads_such_runs_take_turns_and_give_what_run_gives(kind, mode):
    bars = Bars.sample("sp500")[:1200]
    space = {"n": list(range(4, 16))}
    wanted = [run(kind(n=n), bars, mode=mode).metrics["sharpe"] for n in space["n"]]
    words = (
        rf"{kind.__name__} writes .*, which all runs in a process see: they run one after the other\. executor='proc"
    )
    for _ in range(3):
        with pytest.warns(UserWarning, match=words):
            found = sweep(kind, bars, **space, store=None, workers=3, mode=mode)
        np.testing.assert_array_equal(found.table["sharpe"], wanted)
    given = {"space": space, "train": 500, "test": 300, "store": None, "mode": mode}
    with pytest.warns(UserWarning, match=words):
        walks = [walk_forward(kind, bars, **given, executor=Threads(n)) for n in (1, 3)]
    assert walks[0].folds.equals(walks[1].folds)
    result = run(kind, bars, mode=mode)
    with pytest.warns(UserWarning, match=words):
        tables = [stress(result, workers=n, bootstraps=2, simulations=2).table for n in (1, 3)]
    assert tables[0].equals(tables[1])
