"""Strategies made to use everything a hook may use; they are run in both modes and must leave the same behind."""

from __future__ import annotations

import enum
import math
from collections import namedtuple
from math import sqrt

import modes
import numpy as np

from backtester import DAY, FOK, GTC, GTD, IOC, Strategy, constant
from backtester.indicators import atr, crossed_above, crossed_below, rsi, sma
from backtester.kernel.codes import Reason

SCALE = 3.0
LEVELS = (0.25, 0.5, 2)
DAY_NS = 86_400 * 10**9
Span = namedtuple("Span", ["low", "high", "count"])


class Side(enum.IntEnum):
    FLAT = 0
    LONG = 1
    SHORT = -1


class EveryVerb(Strategy):
    """Sends random orders with random arguments, a tenth of them nonsense; the draws come from `ctx.random`."""

    calls: int = 4

    def prepare(self, bars):
        self.ids = constant(np.zeros(8, np.int64))
        self.made = 0
        self.live = 0
        self.done = constant(np.zeros(18, np.int64))

    def remember(self, order_id):
        self.made += 1
        self.ids[self.made % 8] = order_id

    def between(self, ctx, low, high):
        return low + (high - low) * ctx.random()

    def on_bar(self, ctx):
        for _ in range(self.calls):
            a = int(ctx.random() * ctx.n_assets)
            price = ctx.close[-1, a]
            quantity = self.between(ctx, -1.5, 1.5) * ctx.equity / 40.0
            near = price * self.between(ctx, 0.97, 1.03)
            if ctx.random() < 0.02:
                quantity = math.nan
            if ctx.random() < 0.02:
                a = ctx.n_assets + 2
            tif, tag, expire = GTC, int(ctx.random() * 100.0) - 50, 0
            draw = ctx.random()
            if draw < 0.15:
                tif = DAY
            elif draw < 0.25:
                tif = IOC
            elif draw < 0.35:
                tif = FOK
            elif draw < 0.45:
                tif, expire = GTD, ctx.timestamp + int(self.between(ctx, -1.0, 4.0) * DAY_NS)
            verb = int(ctx.random() * 18.0)
            self.done[verb] += 1
            old = self.ids[int(ctx.random() * 8.0)]
            if verb == 0:
                self.remember(ctx.order(a, quantity, tif=tif, expire=expire, tag=tag))
            elif verb == 1:
                self.remember(ctx.limit(a, quantity, near, tif, expire, tag))
            elif verb == 2:
                self.remember(ctx.stop(a, quantity, near, tif=tif, expire=expire, tag=tag))
            elif verb == 3:
                limit = near * self.between(ctx, 0.99, 1.01)
                self.remember(ctx.stop_limit(a, quantity, near, limit_price=limit, tif=tif, expire=expire))
            elif verb == 4:
                self.remember(ctx.trailing_stop(a, quantity, price * 0.02, tag=tag))
            elif verb == 5:
                self.remember(ctx.trailing_stop(a, quantity, distance_frac=0.03, tif=tif, expire=expire))
            elif verb == 6:
                self.remember(
                    ctx.bracket(a, quantity, stop_loss_frac=0.02, take_profit_frac=0.03, tif=tif, expire=expire)
                )
            elif verb == 7:
                side = 1.0 if quantity > 0.0 else -1.0
                stop, target = near * (1.0 - side * 0.02), near * (1.0 + side * 0.02)
                self.remember(ctx.bracket(a, quantity, stop, take_profit=target, entry_limit=near, tag=tag))
            elif verb == 8:
                self.remember(ctx.bracket(a, quantity, take_profit_frac=0.02, entry_stop=near, entry_limit=near * 1.01))
            elif verb == 9:
                self.remember(ctx.order_target(a, quantity, tif=tif, expire=expire))
            elif verb == 10:
                self.remember(ctx.order_target_value(a, quantity * 20.0, tag=tag))
            elif verb == 11:
                self.remember(ctx.order_target_percent(a, self.between(ctx, -0.7, 0.9), tif, expire, tag))
            elif verb == 12:
                weights = np.zeros(ctx.n_assets)
                for k in range(ctx.n_assets):
                    weights[k] = self.between(ctx, -0.4, 0.6) if ctx.random() < 0.7 else math.nan
                self.remember(ctx.rebalance(weights, tif=tif, expire=expire, tag=tag))
            elif verb == 13:
                self.remember(ctx.close_position(a, tif=tif, expire=expire, tag=tag))
            elif verb == 14:
                self.live += ctx.oco(old, self.ids[self.made % 8])
            elif verb == 15:
                self.live += ctx.modify(old, price=near)
            elif verb == 16:
                self.live += ctx.modify(old, quantity=quantity) or ctx.cancel(old)
            else:
                self.live += ctx.cancel_all(a)


class EveryRead(Strategy):
    """Records all there is to read, while it trades a little."""

    def prepare(self, bars):
        self.fast = sma(bars.close, 3)
        self.ready = constant(np.zeros(bars.n_assets, np.int64))

    def on_bar(self, ctx):
        ctx.record("t", ctx.t)
        ctx.record("day", ctx.timestamp // DAY_NS % 7)
        ctx.record("n_assets", ctx.n_assets)
        ctx.record("rows", len(ctx.close) + ctx.volume.shape[0] + ctx.mood.shape[1])
        ctx.record("free", ctx.cash / ctx.equity)
        for a in range(ctx.n_assets):
            self.ready[a] += ctx.ready(a)
        last = ctx.n_assets - 1
        ctx.record("bar", ctx.open[-1, 0] + ctx.high[-1, 0] * ctx.low[-1, 0] / ctx.close[-1, 0] - ctx.volume[-1, 0])
        ctx.record("mood", ctx.mood[-1, last])
        ctx.record("before", ctx.close[-2, last])
        ctx.record("position", ctx.position(0))
        ctx.record("entry", ctx.entry_price(0))
        ctx.record("profit", ctx.unrealized_pnl(0))
        ctx.record("exposure", ctx.exposure(0))
        ctx.record("orders", ctx.open_orders(0))
        ctx.record("up", ctx.close[-1, 0] > ctx.open[-1, 0])
        if ctx.ready(0) and ctx.t % 5 == 0:
            ctx.order_target_percent(0, ctx.random() - 0.4)


class EveryEvent(Strategy):
    """Lives in `on_fill` and `on_reject`: counts, keeps rows, and sends orders from there."""

    def prepare(self, bars):
        self.bought = 0.0
        self.costs = 0.0
        self.last_fill = (0, 0, 0, 0.0, 0.0)
        self.reasons = np.zeros(64, np.int64)
        self.last_order = (0, 0, 0.0, 0.0)
        self.entry = 0

    def on_fill(self, ctx, fill):
        self.costs += fill.commission + fill.spread + fill.slippage + fill.impact + fill.rounding
        self.last_fill = (fill.order_id, fill.bar, fill.phase, fill.reference_price, fill.price)
        if fill.quantity > 0.0:
            self.bought += fill.quantity * fill.price
            if fill.order_id == self.entry:
                ctx.trailing_stop(fill.asset, -fill.quantity, distance_frac=0.02, tag=fill.tag + 1)

    def on_reject(self, ctx, order):
        self.reasons[order.reason] += 1
        self.last_order = (order.id, order.status, order.quantity, order.limit_price)
        if order.reason == Reason.INSUFFICIENT_EQUITY and order.tag == 0:
            ctx.order(order.asset, order.quantity / 2.0, tag=7)

    def on_bar(self, ctx):
        a = ctx.t % ctx.n_assets
        if ctx.position(a) == 0.0:
            self.entry = ctx.order(a, 0.7 * ctx.equity / ctx.close[-1, a])
        if ctx.t % 11 == 0:
            ctx.limit(a, 5.0, -1.0)
            ctx.order(a, 0.0)


class EveryState(Strategy):
    """State of every kind that a field may have."""

    step = 2  # class constants, read and changed through self
    zero = 0.0
    seen = 0

    def prepare(self, bars):
        self.n, self.x, self.flag = 1, 0.0, False
        self.pair, self.mixed = (0, 0), (1, 2.0, False)
        self.span = Span(1e9, -1e9, 0)
        self.side = Side.FLAT
        self.narrow = np.float32(0.1)
        self.whole = np.int16(300)
        self.yes = np.bool_(True)
        self.scalar = np.array(2.5)
        self.line = np.zeros(5)
        self.counts = constant(np.zeros((bars.n_assets, 2), np.int64))
        self.cube = np.zeros((2, 3, 4))
        self.flags = np.zeros(4, np.bool_)
        self.floats = np.full(3, 0.1, np.float32)
        self.small = np.full(3, 2**30, np.int32)
        self.bytes = np.array([250, 3], np.uint8)
        self.fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
        self.strided = np.arange(10.0)[::3]
        self.frozen = np.arange(3.0)
        self.frozen.flags.writeable = False

    def on_bar(self, ctx):
        v = ctx.close[-1, 0]
        self.n += self.step
        self.seen += 1
        self.x += v * self.narrow + self.whole / 7 + self.yes
        self.x = self.x if self.x < 1e5 else 3
        self.flag = v > ctx.open[-1, 0]
        self.pair = (ctx.t, self.pair[0])
        self.mixed = (self.n, self.x, not self.flag)
        self.span = Span(min(self.span.low, v), max(self.span.high, v), self.span.count + 1)
        self.side = Side.LONG if self.flag else Side.SHORT
        self.x += self.side * 0.5 + self.scalar
        self.line[ctx.t % 5] = self.x
        self.line[1:3] *= 0.5
        self.counts[ctx.t % 2, int(self.flag)] += 1
        self.cube[ctx.t % 2, 1, :] += self.line[:4]
        self.flags[ctx.t % 4] = self.flag
        self.floats[ctx.t % 3] += self.floats[0] * 0.1
        self.n += self.small[1] * 4 % 1000 + self.bytes[0] + 10
        self.fortran[1, ctx.t % 3] += self.strided[1] * self.frozen[2]
        self.x += self.pair[1] / (self.pair[0] - ctx.t) if self.flags[0] else 0.0  # inf
        ctx.record("x", self.x)


class Series(Strategy):
    """Prepared arrays of one, two and three dimensions, with gaps; a series that is written on the way."""

    warmup = 7

    def prepare(self, bars):
        n, k = bars.close.shape
        self.market = np.nanmean(bars.close, axis=1)
        self.slow, self.fast = sma(bars.close, 9), sma(bars.close, 4)
        self.features = np.stack([rsi(bars.close, 5), atr(bars.high, bars.low, bars.close, 5)], axis=2)
        self.narrow = bars.close.astype(np.float32)
        self.turned = np.asfortranarray(bars.close)
        self.label = (np.arange(n * k).reshape(n, k) % 5).astype(np.int8)
        self.up = bars.close > bars.open
        self.score = np.zeros((n, k))
        self.table = constant(np.arange(float(n)))
        self.never = constant(np.full(n, np.nan))

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            self.score[-1, a] = 0.9 * self.score[-2, a] + (self.features[-1, a, 0] > 50.0) + self.up[-2, a]
            if crossed_above(self.fast, self.slow, a) or self.label[-1, a] == 4:
                ctx.order_target_percent(a, 0.3 * self.narrow[-1, a] / self.turned[-1, a])
            elif crossed_below(self.fast, self.slow, a) or crossed_below(self.market, 40.0, a):
                ctx.order_target(a, -self.features[-1, a, 1] * 10.0)
        ctx.record("score", self.score[-1, 0] + self.table[-1] + len(self.table))
        ctx.record("sum", self.narrow[-1, 0] * 1.1 + self.label[-1, 0] * 60 + np.isfinite(self.never[0]))


def distance(x, y, *, scale=1.0):
    return sqrt(x * x + y * y) * scale


def spread_of(window):
    return np.std(window) / np.mean(window) * SCALE


class Helpers(Strategy):
    """Helpers in the module and in another one, own methods with defaults, a static method, a function on self."""

    def prepare(self, bars):
        self.total = 0.0
        self.rule = lambda x: np.mean(x) * 1.1
        self.cells = np.zeros(3)

    def size(self, ctx, a, part=0.2, *, limit=50.0):
        return min(part * ctx.equity / ctx.close[-1, a], limit)

    def add(self, x, k=0):
        self.cells[k] += x
        return self.cells[k]

    @staticmethod
    def squash(x, by=2.0):
        return np.tanh(x / by)

    def on_bar(self, ctx):
        window = ctx.close[-20:, 0]
        self.total += distance(spread_of(window), 0.5) + distance(0.1, 0.2, scale=SCALE) + self.rule(window)
        self.total += self.add(self.squash(window[-1]), k=1) + self.add(1.0) + self.squash(0.3, by=LEVELS[1])
        self.total += modes.rounded_down(self.total, 0.25)
        if ctx.t % 4 == 0:
            ctx.order(0, self.size(ctx, 0) - self.size(ctx, 0, limit=20.0, part=0.1))


class Base(Strategy):
    period: int = 5
    threshold: float = 0.0

    def prepare(self, bars):
        self.mean = sma(bars.close, self.period)
        self.count = 0

    def level(self, ctx, a):
        return self.mean[-1, a]

    @staticmethod
    def weight():
        return 0.3

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            self.count += 1
            if ctx.close[-1, a] > self.level(ctx, a) + self.threshold:
                ctx.order_target_percent(a, self.weight())
            else:
                ctx.close_position(a)


class Middle(Base):
    threshold = 0.2

    def weight(self):
        return 0.2 + 0.01 * self.period


class Inherited(Middle):
    """Inherits hooks and parameters, extends `prepare`, overrides methods of either kind with the other."""

    extra: int = 2

    def prepare(self, bars):
        super().prepare(bars)
        self.slow = sma(bars.close, self.period * self.extra)
        self.fills = 0

    def level(self, ctx, a):
        return 0.5 * (self.mean[-1, a] + self.slow[-1, a])

    @staticmethod
    def weight():
        return 0.1

    def on_fill(self, ctx, fill):
        self.fills += 1


class Numbers(Strategy):
    """NumPy and math inside `on_bar`, divisions by zero, sorts with ties, and the rest of arithmetic."""

    zero: float = 0.0
    none: int = 0

    def prepare(self, bars):
        self.w = np.array([1.0, 2.0, 4.0])
        self.halves = (np.arange(bars.n_bars) - 30) / 8.0
        self.ties = np.random.default_rng(0).integers(0, 5, (bars.n_bars, 40)).astype(np.float64)
        self.ties[::7, 3] = np.nan
        self.order = constant(np.zeros(40, np.int64))
        self.big = 2**62

    def on_bar(self, ctx):
        x, y = ctx.close[-25:, 0], ctx.volume[-25:, 0]
        v, h = x[-1] / 31.7, self.halves[-1]
        ctx.record("sums", np.sum(x * y) / np.sum(y) + np.mean(x / y) + np.var(x) + np.median(x) + np.prod(self.w * v))
        ctx.record(
            "more", np.std(np.log(x)) + np.percentile(x, 30.0) + np.quantile(x, 0.3) + np.nanmax(y) + np.cumsum(x)[-1]
        )
        ctx.record("panel", np.nansum(ctx.close[-3:]) + np.nanmean(ctx.mood[-1]) + np.nanstd(ctx.high[-9:]))
        ctx.record("waves", np.tanh(v) + np.exp(-v) + np.log1p(v) + math.tanh(v) + math.exp(v) + math.hypot(v, 1.7))
        ctx.record("domain", math.gamma(v) + math.erf(v) + math.log2(v) + math.atan2(v, 2.0))
        ctx.record("edges", math.log(self.zero) + math.sqrt(-v))
        ctx.record("zero", -v / self.zero)
        ctx.record("whole", 7 // self.none + ctx.t % self.none + v // self.zero)
        ctx.record("orders", 1.0 / ctx.open_orders(0) + 1.0 / ctx.order_target(0, 0.0))
        ctx.record("floors", -v // 0.1 + v % -0.1 + -h % 0.5 + ctx.t // -4 + ctx.t % -4 + divmod(-v, 0.7)[1])
        ctx.record("rounds", round(h) + round(h, 1) + np.round(v, 2) + int(-h * 10.0) + math.floor(-h) + math.ceil(h))
        ctx.record("signs", math.copysign(1.0, h % -0.5) + math.copysign(2.0, -self.zero * v))
        ctx.record("ends", max(self.zero / self.zero, v) + min(v, self.zero / self.zero, 1.0) + max(3, v) + abs(-v))
        self.order[:] = np.argsort(self.ties[-1])
        ctx.record("sorted", np.sort(self.ties[-1])[7] + np.argmax(self.ties[-1]))
        self.big = self.big * 3 + ctx.t
        ctx.order(0, v / self.none)  # refused: not finite
        ctx.order(0, 1000.0 * (np.mean(x) - x[-1]) / np.mean(x))


class Flow(Strategy):
    """Loops, comprehensions, unpacking, local arrays, a nested function, and an exception that is caught."""

    def prepare(self, bars):
        self.out = np.zeros((bars.n_bars, 8))
        self.caught = 0

    def on_bar(self, ctx):
        def best(values):
            at = 0
            for i, value in enumerate(values):
                if value > values[at]:
                    at = i
            return at

        x = ctx.close[-12:, 0]
        up = [p < q for p, q in zip(x[:-1], x[1:])]  # noqa: B905, RUF007  (numba has neither)
        total, k = 0.0, 0
        while k < 100:
            k += 1
            if k % 3 == 0:
                continue
            total += 1 / k
            if total > 3.1 and not k < 20:
                break
        first, (_, third) = total, (k, 3)
        low, high = x[0], x[0]
        for value in x:
            low, high = min(low, value), max(high, value)
        squares = np.array([i * i for i in range(5)])
        squares[squares > 5] -= 1
        self.out[-1, :] = np.array([sum(up), len(up), first * third, low, high, best(x), squares[-1], x[::-1][0]])
        try:
            if ctx.t % 13 == 0:
                raise ValueError("unlucky")
        except Exception:
            self.caught += 1
        if 2 < self.out[-1, 0] < 6 or (ctx.position(0) and ctx.t % 2):
            ctx.order_target_percent(0, 1 / (1 + self.out[-1, 5]))


class Ruin(Strategy):
    """Borrows all it can against a falling price, until it is liquidated, and goes on ordering."""

    def prepare(self, bars):
        self.forced = 0
        self.calls = 0

    def on_fill(self, ctx, fill):
        self.forced += fill.phase == 3

    def on_bar(self, ctx):
        self.calls += 1
        for a in range(ctx.n_assets):
            ctx.order_target_percent(a, 3.9 / ctx.n_assets)


class Many(Strategy):
    """Fills every table far beyond its first size in one bar, and keeps using ids from before it grew."""

    def prepare(self, bars):
        self.first = 0
        self.filled = 0

    def on_fill(self, ctx, fill):
        self.filled += 1
        ctx.record("fill", fill.price)

    def on_bar(self, ctx):
        if ctx.t == 3:
            self.first = ctx.limit(0, 1.0, 0.5 * ctx.close[-1, 0])
            for i in range(700):
                order = ctx.order(i % ctx.n_assets, 0.1 + 0.001 * i)
                ctx.modify(order, quantity=0.2 + 0.001 * i)
                ctx.record("sent", order)
        if ctx.t == 5:
            ctx.modify(self.first, price=2.0 * ctx.close[-1, 0])


EXERCISES = [
    EveryVerb, EveryRead, EveryEvent, EveryState, Series, Helpers, Inherited, Numbers, Flow, Ruin, Many,
]  # fmt: skip
