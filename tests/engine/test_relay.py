"""A relay: one account, several strategies; a relay of one is a run over its window, to the bit."""

from __future__ import annotations

import traceback

import numpy as np
import pandas as pd
import pytest
from tiny import FLAT, Script, filled, market

from backtester import Account, Bars, Costs, Execution, Strategy, run
from backtester.engine.relay import Relay
from backtester.engine.settings import Settings
from backtester.errors import DataError

BARS = Bars.simulate("gbm", n_bars=400, n_assets=2, seed=5)
FIRST = 149
TABLES = ("orders", "fills", "trades", "cash_flows", "changes", "positions", "records")


class Sways(Strategy):
    """Looks at the present bar alone, so that it needs no history."""

    size: float = 0.5

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            if ctx.close[-1, a] > ctx.open[-1, a] * 1.004:
                ctx.order_target_percent(a, self.size)
            elif ctx.close[-1, a] < ctx.open[-1, a] * 0.996:
                ctx.order_target_percent(a, -self.size)
                ctx.limit(a, 1.0, ctx.close[-1, a] * 0.97)
            elif ctx.random() < 0.1:
                ctx.cancel_all(a)
        ctx.record("equity", ctx.equity)


class Mean(Strategy):
    """Looks back over fifty bars, both at prepared arrays and at the prices."""

    warmup: int = 50

    def prepare(self, bars):
        sums = np.cumsum(bars.close, axis=0)
        self.mean = np.full(bars.close.shape, np.nan)
        self.mean[50:] = (sums[50:] - sums[:-50]) / 50.0

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            up = ctx.close[-1, a] > self.mean[-1, a] and ctx.close[-1, a] > ctx.close[-20, a]
            ctx.order_target_percent(a, 0.5 if up else 0.0)


def relay(strategy, bars=BARS, first=FIRST, **settings):
    made = Relay(bars, Settings(**settings), first)
    made.run(strategy, bars.n_bars)
    return made.finish({})


def same_tables(one, other):
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
@pytest.mark.parametrize(
    "settings",
    [
        {"costs": Costs(commission=0.001, spread=0.0005, borrow_rate=0.03, cash_rate=0.02, debit_rate=0.05)},
        {"execution": Execution(fill_at="close", max_participation=0.1), "close_at_end": True},
        {
            "account": Account(leverage=2.0, maintenance=0.3),
            "execution": Execution(latency_bars=2),
            "seed": 7,
            "benchmark": "buy_and_hold",
        },
    ],
)
def test_one_leg_is_a_run_over_its_window(mode, settings):
    plain = run(Sways(), BARS[FIRST:], mode=mode, **settings)
    found = relay(Sways(), mode=mode, **settings)
    assert len(plain.fills) > 50
    assert found.tables.equity.tobytes() == plain.tables.equity.tobytes()
    same_tables(found, plain)
    pd.testing.assert_series_equal(found.metrics, plain.metrics, check_exact=True)
    assert found.bars.content_hash == plain.bars.content_hash
    assert found.manifest["first_bar"] == plain.manifest["first_bar"] == 1


def test_history_warms_it_up():
    """What a strategy that waits for bar 150 does there, it does in a relay from its first bar on."""

    class Late(Mean):
        warmup: int = FIRST + 1

    plain = run(Late(), BARS, costs=Costs(commission=0.001))
    found = relay(Mean(), costs=Costs(commission=0.001))
    assert len(plain.fills) > 50
    assert found.tables.equity.tobytes() == plain.tables.equity[FIRST:].tobytes()
    assert found.fills["price"].tolist() == plain.fills["price"].tolist()
    assert (found.tables.fills["bar"] + FIRST).tolist() == plain.tables.fills["bar"].tolist()
    assert found.tables.orders["submitted"].min() == 1  # it decides at the close of the window's first bar


def test_a_price_per_bar_as_benchmark_is_cut_to_the_window():
    prices = np.linspace(1.0, 3.0, BARS.n_bars)
    plain = run(Sways(), BARS[FIRST:], benchmark=prices[FIRST:])
    assert relay(Sways(), benchmark=prices).benchmark.tobytes() == plain.benchmark.tobytes()


def test_a_strategy_is_prepared_on_no_bar_behind_its_own():
    seen = []

    class Looks(Sways):
        def prepare(self, bars):
            seen.append((bars.n_bars, float(bars.close[-1, 0])))

    made = Relay(BARS, Settings(), FIRST)
    made.run(Looks(), 250)
    made.run(Looks(), 400)
    assert seen == [(250, BARS.close[249, 0]), (400, BARS.close[399, 0])]


def prices(*values):
    """Return flat bars, so that every fill is at the price of its bar."""
    return market([(float(p),) * 4 for p in values])


def test_orders_go_and_positions_stay_at_a_border():
    """Ten bought at 10 by the first; its limit at 8 is cancelled before bar 4 reaches it; the second sells four at 9.

    Cash: 1000 − 10·10 + 4·9 = 936; at the end 6 units at 12 make 936 + 72 = 1008.
    """
    bars = prices(10, 10, 10, 10, 8, 9, 12)
    first = Script(script={1: lambda ctx: ctx.order(0, 10.0), 2: lambda ctx: ctx.limit(0, 5.0, 8.0)})
    second = Script(script={4: lambda ctx: ctx.order(0, -4.0)})
    made = Relay(bars, Settings(cash=1000.0, mode="interpreted"), 0)
    made.run(first, 4)
    made.cancel_orders()
    made.run(second, 7)
    result = made.finish({})
    assert filled(result) == [(1, 2, 10.0, 10.0), (3, 5, -4.0, 9.0)]
    assert result.orders.loc[2, "status"] == "cancelled"
    assert result.tables.equity.tolist() == [1000.0, 1000.0, 1000.0, 1000.0, 980.0, 990.0, 1008.0]


@pytest.mark.parametrize(("fill_at", "bar", "price"), [("next_open", 4, 8.0), ("close", 3, 11.0)])
def test_closing_is_an_order_of_the_last_bar(fill_at, bar, price):
    """Sent at the close of bar 3, the last of the first; the order of bar 3 itself is never sent."""
    bars = prices(10, 10, 10, 11, 8, 9, 12)
    first = Script(script={1: lambda ctx: ctx.order(0, 10.0), 3: lambda ctx: ctx.order(0, 70.0)})
    settings = Settings(cash=1000.0, mode="interpreted", execution=Execution(fill_at=fill_at))
    made = Relay(bars, settings, 0)
    made.run(first, 4, close=True)
    made.run(Script(script={}), 7)
    bought = 2 if fill_at == "next_open" else 1
    assert filled(made.finish({})) == [(1, bought, 10.0, 10.0), (2, bar, -10.0, price)]


def test_in_bars_without_a_strategy_nothing_is_decided():
    bars = prices(10, 10, 10, 11, 8, 9, 12)
    made = Relay(bars, Settings(cash=1000.0, mode="interpreted"), 0)
    made.run(Script(script={1: lambda ctx: ctx.order(0, 10.0), 4: lambda ctx: ctx.order(0, 1.0)}), 4, close=True)
    made.stand(6)
    made.run(Script(script={4: lambda ctx: ctx.order(0, 1.0), 6: lambda ctx: ctx.order(0, 1.0)}), 7)
    result = made.finish({})
    assert filled(result) == [(1, 2, 10.0, 10.0), (2, 4, -10.0, 8.0)]
    assert result.orders["submitted"].tolist() == list(result.bars.index[[1, 3, 6]])


class Hears(Strategy):
    """Counts the fills that it hears of, and those of others among them."""

    def prepare(self, bars):
        self.begin = bars.n_bars - 100
        self.heard = 0
        self.strange = 0
        self.sent = 0

    def on_bar(self, ctx):
        if ctx.t % 10 == 0:
            ctx.order(0, 1.0, tag=self.begin)
            self.sent += 1

    def on_fill(self, ctx, fill):
        self.heard += 1
        if fill.tag != self.begin:
            self.strange += 1


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
@pytest.mark.parametrize("fill_at", ["next_open", "close"])
@pytest.mark.parametrize("close", [True, False])
def test_a_strategy_hears_of_its_own_fills_alone(mode, fill_at, close):
    """Orders at bars 10, 20, … 90 of each leg fill at the next bar; that of bar 0 of the second leg too."""
    made = Relay(BARS, Settings(mode=mode, execution=Execution(fill_at=fill_at)), 99)
    legs = []
    for until in (200, 300, 400):
        legs.append(made.run(Hears(), until, close=close and until < 400).strategy)
        if not close:
            made.cancel_orders()
    assert [one.strange for one in legs] == [0, 0, 0]
    assert [one.heard for one in legs] == [one.sent for one in legs] == [10, 10, 10]


class Raises(Sways):
    """Raises at bar 300."""

    def prepare(self, bars):
        self.table = np.zeros(3)

    def on_bar(self, ctx):
        if ctx.t == 300:
            self.table[ctx.t] = 1.0
        ctx.order_target(0, float(ctx.t % 3))


@pytest.mark.parametrize("mode", ["compiled", "interpreted"])
@pytest.mark.parametrize("begin", [250, 300])
def test_an_error_in_a_later_leg_names_the_line_and_the_bar(mode, begin):
    made = Relay(BARS, Settings(mode=mode), FIRST)
    made.run(Mean(), begin, close=True)
    with pytest.raises(IndexError) as caught:
        made.run(Raises(), 400)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "self.table[ctx.t] = 1.0"
    assert "bar 300 of 400" in "".join(caught.value.__notes__)


def test_a_result_of_a_relay_is_a_result_like_any_other(tmp_path):
    made = Relay(BARS, Settings(costs=Costs(commission=0.001)), FIRST)
    made.run(Sways(size=0.5), 250)
    made.cancel_orders()
    made.run(Sways(size=0.3), 400)
    result = made.finish({"why": "a test"})
    assert result.manifest["about"] == {"why": "a test"}
    assert result.manifest["parameters"] == {}  # they share none
    result.to_parquet(tmp_path / "stored")
    same_tables(type(result).load(tmp_path / "stored"), result)
    for order_id in result.orders.index[[0, 40, -1]]:
        assert str(order_id) in result.explain(order_id)
    cash, held = 100_000.0, np.zeros(2)
    rebuilt = []
    fills = result.tables.fills
    for t in range(result.bars.n_bars):  # the account, replayed in plain Python
        for fill in fills[fills["bar"] == t]:
            cash -= fill["quantity"] * fill["price"] + fill["commission"]
            held[fill["asset"]] += fill["quantity"]
        rebuilt.append(cash + held @ result.bars.close[t])
    np.testing.assert_allclose(result.tables.equity, rebuilt, rtol=1e-12)


class NeverReady(Sways):
    """Is ready nowhere in its own bars, and where memory goes on behind them, it would be."""

    def prepare(self, bars):
        beyond = np.zeros((1_000, bars.n_assets))
        beyond[: bars.n_bars] = np.nan
        self.never = beyond[: bars.n_bars]


def test_bars_shorter_than_the_warm_up_are_refused():
    made = Relay(BARS, Settings(), FIRST)
    with pytest.raises(DataError, match=r"200 bars of .* are shorter than the warm-up \(no asset is ever ready"):
        made.run(NeverReady(), 200)
    with pytest.raises(DataError, match="its warm-up is 50 bars"):
        Relay(market([FLAT] * 30), Settings(), 10).run(Mean(), 30)
