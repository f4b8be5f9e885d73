"""Hundreds of working orders at once, kernel against oracle: the book is looked up, the oracle looks at every order.

The random streams of `test_kernel_parity` have a few orders at a time. Here the first bars send ten each and later
ones two, and every bar moves the prices of twenty and cancels three, so that the heaps of the book grow, hold stale
entries, and are built anew.
"""

import random

import pytest
from compare import first_difference
from kernel_run import memory_of, run_kernel
from oracle import Oracle
from streams import make_stream

from backtester.context import Context
from backtester.kernel.codes import Status, Tif
from backtester.kernel.loop import turn


class Crowd:
    """Limits, stops and stop-limits far and near, some of them dated, moved and cancelled."""

    def __init__(self, stream):
        self.stream, self.market = stream, stream.market
        self.ids: list[int] = []

    def __call__(self, ctx, t: int) -> None:
        rng = random.Random(f"crowd {self.stream.seed} bar {t}")
        for _ in range(10 if t < 8 else 2):
            a = rng.randrange(self.market.n_assets)
            self.ids.append(self.send(ctx, rng, t, a, self.last(t, a)))
        for order_id in rng.choices(self.ids, k=20):
            ctx.modify(order_id, price=self.near(rng, self.last(t, 0)))
        for order_id in rng.choices(self.ids, k=3):
            ctx.cancel(order_id)

    def last(self, t: int, a: int) -> float:
        closes = [self.market.close[i][a] for i in range(t + 1) if self.market.has_bar(i, a)]
        return closes[-1] if closes else 20.0

    def near(self, rng, price: float) -> float:
        return max(price + rng.choice((-12, -8, -5, -3, -2, -1, 1, 2, 3, 5, 8, 12)) * rng.choice((0.5, 1.0)), 0.5)

    def send(self, ctx, rng, t: int, a: int, price: float) -> int:
        quantity = rng.choice((-2.0, -1.0, 1.0, 2.0))
        terms = {"tag": rng.randint(0, 9)}
        if rng.random() < 0.1:
            last = min(t + rng.randint(1, 9), self.market.n_bars - 1)
            terms |= {"tif": int(Tif.GTD), "expire": self.market.timestamps[last]}
        kind = rng.random()
        if kind < 0.6:
            return ctx.limit(a, quantity, self.near(rng, price), **terms)
        if kind < 0.85:
            return ctx.stop(a, quantity, self.near(rng, price), **terms)
        return ctx.stop_limit(a, quantity, self.near(rng, price), self.near(rng, price), **terms)


def crowded(seed: int):
    """A stream of the seed whose account affords a crowd."""
    stream = make_stream(seed)
    stream.settings.cash = 50_000.0
    return stream


@pytest.mark.parametrize("seed", range(28))
def test_a_crowd_of_orders_fills_as_if_each_were_looked_at(seed):
    stream = crowded(seed)
    oracle = Oracle(stream.market, stream.settings, Crowd(stream), number=float).run()
    assert first_difference(oracle, run_kernel(stream.market, stream.settings, Crowd(stream))) == ""


@pytest.mark.parametrize("seed", range(12))
def test_every_working_order_is_in_the_book_or_in_the_hand(seed):
    stream = crowded(seed)
    memory, script = memory_of(stream.market, stream.settings), Crowd(stream)
    ctx = Context(memory)
    while (t := turn(memory.address)) >= 0:
        hand = memory.view("hand")[: memory["n_hand"]].tolist()
        entries = set()
        for h in range(2 * stream.market.n_assets):
            rows = slice(memory.view("book_first")[h], memory.view("book_first")[h] + memory.view("book_count")[h])
            keys = memory.view("book_keys")[rows]
            for k in range(1, len(keys)):
                assert keys[(k - 1) // 2] <= keys[k]
            entries |= {(h, key, order_id) for key, order_id in zip(keys, memory.view("book_ids")[rows], strict=True)}
        for order in memory.table("orders"):
            key = memory.view("shelf")[order["id"] - 1]
            if order["status"] == Status.WORKING and key == key:
                assert order["id"] not in hand
                rises = key > 0.0  # prices are positive here, so the sign of a key tells the side
                assert (2 * order["asset"] + rises, key, order["id"]) in entries
            elif order["status"] == Status.WORKING:
                assert hand.count(order["id"]) == 1
        if t >= stream.settings.start:
            script(ctx, t)


def test_stale_entries_of_the_book_stay_fewer_than_twice_the_live_orders():
    stream = crowded(8)
    memory, script = memory_of(stream.market, stream.settings), Crowd(stream)
    ctx = Context(memory)
    most, before = 0, 0
    while (t := turn(memory.address)) >= 0:
        booked, live = memory["n_booked"], memory["n_active"] - memory["n_ended"]
        assert booked <= 2 * live + 64 + 10  # and what the bar itself put back
        most = max(most, before - booked)
        before = booked
        if t >= stream.settings.start:
            script(ctx, t)
    assert most > 60  # at once: they were built anew
