"""A table that cannot be grown stops the run; it never writes past its end."""

import numpy as np
import pytest

from backtester import Bars, Strategy, run
from backtester.kernel.memory import AccountMemory


class TradesEveryBar(Strategy):
    def on_bar(self, ctx):
        ctx.order(0, 1.0 if ctx.position(0) <= 0.0 else -1.0)


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
def test_a_run_without_memory_for_its_tables_raises(monkeypatch, mode):
    def no_memory(self, table):
        raise MemoryError

    monkeypatch.setattr(AccountMemory, "grow", no_memory)
    bars = Bars.simulate("gbm", n_bars=3000, seed=1)
    with pytest.raises(MemoryError, match="no memory for a larger table at bar"):
        run(TradesEveryBar(), bars, mode=mode)


def test_the_default_tables_hold_an_order_in_every_bar():
    bars = Bars.simulate("gbm", n_bars=3000, seed=1)
    result = run(TradesEveryBar(), bars)
    assert len(result.tables.orders) == 2999
    np.testing.assert_array_equal(result.tables.orders["id"], np.arange(1, 3000))
