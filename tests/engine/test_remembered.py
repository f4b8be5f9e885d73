"""Runs that share a memory of indicators: the same results as alone, each indicator computed once, writers told."""

import threading

import numpy as np
import pytest

from backtester import Bars, Strategy, run
from backtester.errors import CannotCompile
from backtester.indicators import IndicatorMemory, remembered, sma


@pytest.fixture(scope="module")
def bars():
    return Bars.simulate("gbm", n_bars=2000, n_assets=2, seed=1)


class Writes(Strategy):
    def prepare(self, bars):
        self.average = sma(bars.close, 5)
        self.average[:10] = np.nan

    def on_bar(self, ctx):
        ctx.record("average", self.average[-1, 0])


class WritesInAHook(Writes):
    def prepare(self, bars):
        self.average = sma(bars.close, 5)

    def on_bar(self, ctx):
        self.average[-1, 0] = 0.0


class Reads(WritesInAHook):
    def on_bar(self, ctx):
        ctx.record("average", self.average[-1, 0])


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
def test_a_strategy_that_reads_gives_the_same_result(mode, bars):
    alone = run(Reads, bars, mode=mode)
    with remembered() as memory:
        first, second = run(Reads, bars, mode=mode), run(Reads, bars, mode=mode)
        assert (memory.hits, memory.computed) == (1, 1)
    for result in (first, second):
        np.testing.assert_array_equal(result.records["average"], alone.records["average"])


def test_a_strategy_that_writes_is_told_what_to_do(bars):
    run(Writes, bars)
    with remembered():
        with pytest.raises(ValueError, match="read-only") as caught:
            run(Writes, bars)
        assert "sma(bars.close, 20).copy()" in caught.value.__notes__[0]
        with pytest.raises(CannotCompile, match=r"[Rr]ead-?only|Cannot modify"):
            run(WritesInAHook, bars, mode="compiled")
        with pytest.raises(ValueError, match="read-only") as caught:
            run(WritesInAHook, bars, mode="interpreted")
        assert any(".copy()" in note for note in caught.value.__notes__)


def test_runs_in_threads_share_indicators(bars):
    memory = IndicatorMemory()
    alone = run(Reads, bars).records["average"].to_numpy()
    found = [None] * 6

    def work(i):
        with remembered(memory):
            found[i] = run(Reads, bars).records["average"].to_numpy()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (memory.hits, memory.computed) == (5, 1)
    for values in found:
        np.testing.assert_array_equal(values, alone)
