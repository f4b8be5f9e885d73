"""Hooks, state, records and random numbers: in which order they come, and that both modes agree byte for byte."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tiny import FLAT, market

from backtester import Account, Bars, Costs, Execution, Result, Strategy, run
from backtester.indicators import crossed_above, crossed_below, sma

MODES = pytest.mark.parametrize("mode", ["compiled", "interpreted"])
BARS = Bars.simulate("gbm", n_bars=400, seed=7, n_assets=3)
ON_BAR, ON_FILL, ON_REJECT = 0, 1, 2


def bytes_of(result: Result) -> dict[str, bytes]:
    """Return every table of a result as bytes; what pads a row is not part of it."""
    return {name: np.ascontiguousarray(rows).tobytes() for name, rows in vars(result.tables).items()}


class Logs(Strategy):
    """Writes down which hook was called at which bar, and for which order."""

    def prepare(self, bars):
        self.log = np.full((40, 3), -1)
        self.n = 0

    def note(self, what, t, order_id):
        self.log[self.n, 0] = what
        self.log[self.n, 1] = t
        self.log[self.n, 2] = order_id
        self.n += 1

    def on_bar(self, ctx):
        self.note(0, ctx.t, 0)
        if ctx.t == 1:
            ctx.order(1, 0.0)  # id 1: refused at once, heard of in bar 2
            ctx.order(0, 1.0)
            ctx.order(1, 1.0)
            ctx.order(1, -5.0)  # id 4: refused in bar 2, no shorts; its class is through zero, after 2 and 3

    def on_fill(self, ctx, fill):
        self.note(1, ctx.t, fill.order_id)

    def on_reject(self, ctx, order):
        self.note(2, ctx.t, order.id)


@MODES
def test_fills_then_refusals_then_on_bar(mode):
    strategy = Logs()
    rows = [[FLAT, FLAT]] * 4
    result = run(strategy, market(rows), mode=mode, account=Account(allow_short=False))
    # Nothing is held at the start of the pass, so all three increase and go by id: 2, 3, then 4 sells what 3 bought.
    assert strategy.log[: strategy.n].tolist() == [
        [ON_BAR, 1, 0],
        [ON_FILL, 2, 2],
        [ON_FILL, 2, 3],
        [ON_FILL, 2, 4],
        [ON_REJECT, 2, 1],
        [ON_BAR, 2, 0],
        [ON_BAR, 3, 0],
    ]
    assert result.orders.loc[4, "reason"] == "short_not_allowed"


@MODES
def test_fills_at_the_close_are_heard_of_in_the_next_bar(mode):
    class AtClose(Logs):
        def on_bar(self, ctx):
            self.note(0, ctx.t, 0)
            if ctx.t == 1:
                ctx.order(0, 1.0)

    strategy = AtClose()
    run(strategy, market([FLAT] * 4), mode=mode, execution=Execution(fill_at="close"))
    assert strategy.log[: strategy.n].tolist() == [[ON_BAR, 1, 0], [ON_FILL, 2, 1], [ON_BAR, 2, 0], [ON_BAR, 3, 0]]


@MODES
def test_a_hook_may_send_orders_and_sees_the_account_after_all_fills_of_the_bar(mode):
    class Protects(Strategy):
        def prepare(self, bars):
            self.seen = np.zeros(2)

        def on_bar(self, ctx):
            if ctx.t == 1:
                ctx.order(0, 4.0, tag=7)
                ctx.order(0, 6.0, tag=8)

        def on_fill(self, ctx, fill):
            if fill.quantity > 0:
                self.seen[fill.tag - 7] = ctx.position(0)
                ctx.stop(0, -fill.quantity, fill.price - 1.0, tag=fill.tag)

    strategy = Protects()
    rows = [FLAT, FLAT, FLAT, (10, 10, 8, 9), FLAT]
    result = run(strategy, market(rows), mode=mode)
    assert strategy.seen.tolist() == [10, 10]
    assert result.fills[["order_id", "bar", "quantity", "price", "tag"]].values.tolist() == [
        [1, 2, 4, 10, 7], [2, 2, 6, 10, 8], [3, 3, -4, 9, 7], [4, 3, -6, 9, 8],
    ]  # fmt: skip


@MODES
def test_latency_counts_from_the_hook_that_sent_the_order(mode):
    class Once(Strategy):
        def on_bar(self, ctx):
            if ctx.t == 2:
                ctx.order(0, 1.0)

        def on_fill(self, ctx, fill):
            if fill.quantity > 0:
                ctx.order(0, -1.0)

    result = run(Once, market([FLAT] * 9), mode=mode, execution=Execution(latency_bars=1))
    assert result.fills["bar"].tolist() == [4, 6]


@MODES
def test_records_become_columns_with_nan_where_nothing_was_recorded(mode):
    class Records(Strategy):
        def on_bar(self, ctx):
            ctx.record("t", ctx.t)
            if ctx.t == 2:
                ctx.record("twice", 1.0)
                ctx.record("twice", ctx.close[-1, 0])

    records = run(Records, market([FLAT] * 4), mode=mode).records
    assert list(records.columns) == ["t", "twice"]
    np.testing.assert_array_equal(records["t"], [np.nan, 1, 2, 3])
    np.testing.assert_array_equal(records["twice"], [np.nan, np.nan, 10, np.nan])


class Random(Strategy):
    def prepare(self, bars):
        self.drawn = np.zeros(200)

    def on_bar(self, ctx):
        if ctx.t <= 200:
            self.drawn[ctx.t - 1] = ctx.random()


def test_random_numbers_are_the_seed_s_and_the_same_in_both_modes():
    drawn = {}
    for mode in ("compiled", "interpreted"):
        for seed in (0, 1, 2**70, -1):
            strategy = Random()
            run(strategy, BARS, mode=mode, seed=seed)
            drawn[mode, seed] = strategy.drawn.copy()
    for seed in (0, 1, 2**70, -1):
        np.testing.assert_array_equal(drawn["compiled", seed], drawn["interpreted", seed])
    assert len({tuple(values) for values in drawn.values()}) == 3  # 2**70 and 0 are the same 64 bits
    values = drawn["compiled", 1]
    assert values.min() >= 0.0
    assert values.max() < 1.0
    assert abs(values.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 200)


def test_random_is_split_mix_64():
    # Steele, Lea and Flood (2014), in whole numbers; the first number from seed 0 is 0xE220A8397B1DCDAF.
    def numbers(state):
        while True:
            state = (state + 0x9E3779B97F4A7C15) % 2**64
            z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
            yield z ^ (z >> 31)

    source = numbers(0)
    wanted = [next(source) for _ in range(200)]
    assert wanted[0] == 0xE220A8397B1DCDAF
    strategy = Random()
    run(strategy, BARS, mode="compiled")
    np.testing.assert_array_equal(strategy.drawn, [(z >> 11) / 2**53 for z in wanted])


class Cross(Strategy):
    fast: int = 5
    slow: int = 20

    def prepare(self, bars):
        self.fast_ma, self.slow_ma = sma(bars.close, self.fast), sma(bars.close, self.slow)
        self.bets = 0

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            if crossed_above(self.fast_ma, self.slow_ma, a):
                self.bets += 1
                ctx.bracket(a, 50.0 + 10.0 * ctx.random(), stop_loss_frac=0.03, take_profit_frac=0.05)
            elif crossed_below(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, -0.2)
        ctx.record("spread", np.mean(self.fast_ma[-1] - self.slow_ma[-1]))


class Rotates(Strategy):
    def on_bar(self, ctx):
        if ctx.t % 7 == 0:
            weights = np.zeros(ctx.n_assets)
            weights[ctx.t // 7 % ctx.n_assets] = 1.0
            ctx.rebalance(weights, tag=ctx.t)
        if ctx.t % 7 == 3:
            ctx.trailing_stop(0, -ctx.position(0), distance_frac=0.02)


SETTINGS = {
    "costs": Costs(commission=0.001, spread=0.002, impact=0.1, borrow_rate=0.05, cash_rate=0.02),
    "account": Account(leverage=2.0, maintenance=0.2, lot_size=0.1, tick_size=0.01),
}


@pytest.mark.parametrize("strategy", [Cross, Rotates])
def test_both_modes_and_a_second_run_give_the_same_bytes(strategy):
    one = strategy()
    first = bytes_of(run(one, BARS, mode="compiled", **SETTINGS))
    assert bytes_of(run(one, BARS, mode="compiled", **SETTINGS)) == first
    assert bytes_of(run(strategy, BARS, mode="interpreted", **SETTINGS)) == first
    assert len(first["fills"]) > 20 * 14 * 8


def test_two_threads_at_once_give_the_bytes_each_gives_alone():
    alone = {kind: bytes_of(run(kind, BARS, mode="compiled", **SETTINGS)) for kind in (Cross, Rotates)}
    found: dict[tuple, dict] = {}
    start = threading.Barrier(4)

    def work(kind, mode, n):
        start.wait()
        for k in range(3):
            found[kind, mode, n, k] = bytes_of(run(kind, BARS, mode=mode, **SETTINGS))

    jobs = [(Cross, "compiled", 0), (Rotates, "compiled", 0), (Cross, "compiled", 1), (Rotates, "interpreted", 0)]
    with ThreadPoolExecutor(len(jobs)) as pool:
        for job in [pool.submit(work, *job) for job in jobs]:
            job.result()  # raises what the thread raised
    assert len(found) == 12
    for (kind, *_), tables in found.items():
        assert tables == alone[kind]


@MODES
def test_methods_inheritance_and_super_prepare(mode):
    class Base(Strategy):
        size: float = 2.0

        def prepare(self, bars):
            self.level = bars.close[:, 0] * 0.0 + 10.0

        def wanted(self, ctx, factor=1.0):
            return self.size * factor

        @staticmethod
        def half(x):
            return np.sum(np.array([x, x])) / 4.0

        def on_bar(self, ctx):
            if ctx.t == 1:
                ctx.order(0, self.wanted(ctx, factor=3.0))

    class Child(Base):
        size = 4.0

        def prepare(self, bars):
            super().prepare(bars)
            self.bonus = 1.0

        def wanted(self, ctx, factor=1.0):
            return self.half(self.size) * factor + self.bonus

    assert run(Base, market([FLAT] * 3), mode=mode).fills["quantity"].tolist() == [6]
    assert run(Child, market([FLAT] * 3), mode=mode).fills["quantity"].tolist() == [7]  # 4/2·3 + 1


@MODES
def test_a_strategy_without_on_bar_runs_and_trades_nothing(mode):
    class Idle(Strategy):
        def prepare(self, bars):
            self.level = bars.close * 1.0

    result = run(Idle(), BARS, mode=mode)
    assert len(result.tables.orders) == 0
    assert (result.tables.equity == result.tables.equity[0]).all()
